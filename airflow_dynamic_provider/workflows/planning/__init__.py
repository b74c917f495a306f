"""Runs a body, and makes a plan of what it recorded."""
