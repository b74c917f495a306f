"""How nodes wait: in the triggerer, within their time."""
