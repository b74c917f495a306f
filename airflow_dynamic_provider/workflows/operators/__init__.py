"""Makes the operator for a call in a body."""
