"""What a body calls, and what it gets instead of values."""
