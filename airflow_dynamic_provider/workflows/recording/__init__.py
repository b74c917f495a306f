"""Records the calls of a body, and returns promises instead of values."""
