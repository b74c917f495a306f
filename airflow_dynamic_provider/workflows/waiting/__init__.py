"""How nodes wait in the triggerer, and their time limits."""
