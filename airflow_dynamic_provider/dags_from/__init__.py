"""Programs that were written for other systems: their names, over the objects of this package."""
