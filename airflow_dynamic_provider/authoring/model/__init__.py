"""What the package knows of a Dag that is being written."""
