"""The declarations of an author: a workflow, its kinds of nodes, and their settings."""
