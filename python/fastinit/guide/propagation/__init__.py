"""What a start does to a signal in depth: simulation beside mean-field theory."""
