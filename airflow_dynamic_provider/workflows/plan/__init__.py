"""The plan of a workflow, and what stands in it."""
