"""Makes the operator that a call in a body stands for."""
