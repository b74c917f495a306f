"""Task instances that run many keys: a batch of a key space."""
