"""What became of each key: its value or error, its tries and its duration. Few tasks ask for it."""
