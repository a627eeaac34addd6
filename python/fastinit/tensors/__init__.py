"""Tensor plans: what is drawn for one tensor of a model, and drawing several into arrays."""
