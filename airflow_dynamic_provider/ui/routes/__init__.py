"""The routes, by what they answer about. Each module has a ``router``."""
