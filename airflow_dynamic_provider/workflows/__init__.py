"""``@dynamic_workflow``: a function whose body runs when its inputs exist, and plans nodes."""
