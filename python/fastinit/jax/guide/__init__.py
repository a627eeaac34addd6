"""The guide for models of JAX: what their programs compute, and a recipe that fits them."""
