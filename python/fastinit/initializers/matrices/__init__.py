"""Weights that are matrices as a whole: orthogonal, the identity, low rank."""
