"""The guide: what an activation does to a signal, and which initializer fits it."""
