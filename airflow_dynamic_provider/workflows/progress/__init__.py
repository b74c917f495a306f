"""What a run has stored, and what may go on."""
