"""Layer-sequential unit variance."""
