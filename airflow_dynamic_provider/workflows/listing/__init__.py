"""Which node has which slot of its lane."""
