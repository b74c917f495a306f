"""The names of ``flytekit.core``."""
