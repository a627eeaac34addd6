"""Values that exist already: in files, in arrays, in data."""
