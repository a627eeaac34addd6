"""Masks: values of other initializers, some of which are zeroed."""
