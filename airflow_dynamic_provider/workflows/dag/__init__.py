"""Makes the task group of a workflow in the Dag file."""
