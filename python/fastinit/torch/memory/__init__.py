"""Writing values into the memory of torch tensors."""
