"""Short training runs: how starts compare, and what changes with the width of a model."""
