"""What a workflow is in the Dag file: a task group."""
