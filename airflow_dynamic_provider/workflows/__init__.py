"""``@dynamic_workflow``: a body that runs when its inputs exist, and the plan of nodes that it makes."""
