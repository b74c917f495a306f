"""Runs a body, and makes a plan from the recorded calls."""
