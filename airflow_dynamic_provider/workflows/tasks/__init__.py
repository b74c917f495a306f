"""The tasks of a workflow at run time: plan, list, node, result."""
