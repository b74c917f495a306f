"""The package's own data about a Dag that is being defined."""
