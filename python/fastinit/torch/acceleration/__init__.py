"""``accelerate``: whatever a model's own code initializes at random is drawn by fastinit."""
