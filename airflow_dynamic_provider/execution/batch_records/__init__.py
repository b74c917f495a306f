"""What is stored of batches: the division of the keys, and what became of each key."""
