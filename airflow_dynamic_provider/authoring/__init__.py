"""What happens while a Dag file is parsed: the decorator, handles, map and collect, and what is refused."""
