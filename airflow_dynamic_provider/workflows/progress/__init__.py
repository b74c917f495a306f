"""What a run has stored, and which nodes may run."""
