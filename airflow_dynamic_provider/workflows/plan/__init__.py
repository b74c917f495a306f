"""The plan of a workflow and its contents."""
