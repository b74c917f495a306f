"""The names of ``flytekit.extras``."""
