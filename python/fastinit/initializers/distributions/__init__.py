"""Independent values: the distributions, and those whose scale comes from a fan."""
