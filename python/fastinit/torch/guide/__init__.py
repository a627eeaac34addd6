"""The guide for torch modules: their activations, and a recipe that fits them."""
