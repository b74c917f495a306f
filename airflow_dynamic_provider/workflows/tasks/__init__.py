"""The tasks of a workflow, as they run: plan, list, node, result."""
