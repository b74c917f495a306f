"""The names of ``flytekit.lazy_import``."""
