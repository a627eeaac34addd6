"""Values that are closed forms of an element's position, without random numbers."""
