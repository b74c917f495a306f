"""What happens in a task's process: run the callable, check, store, label, read back by key."""
