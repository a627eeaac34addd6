"""Propagation of signals in depth: simulation beside mean-field theory."""
