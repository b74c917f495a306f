"""Results kept over runs: what a computation is identified by, and where its result is."""
