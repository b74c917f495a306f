"""The names of ``flytekit.types``."""
