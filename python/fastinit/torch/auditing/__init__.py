"""Audits: what a model's code leaves uninitialized, loses, or makes depend on where it runs."""
