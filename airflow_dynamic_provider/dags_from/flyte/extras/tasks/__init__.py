"""The names of ``flytekit.extras.tasks``."""
