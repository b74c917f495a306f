"""What an author declares: a workflow, its kinds of nodes, its settings."""
