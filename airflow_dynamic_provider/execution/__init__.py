"""The code that runs in a task's process: it runs the callable, checks, stores, labels, and reads by key."""
