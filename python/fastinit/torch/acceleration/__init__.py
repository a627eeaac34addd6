"""The context ``accelerate``: fills by a model's own code, deferred and drawn by fastinit."""
