"""References to values in a Dag file, and how they may be used."""
