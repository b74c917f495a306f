"""The part that runs while a Dag file is parsed: the decorator, handles, map and collect, and refusals."""
