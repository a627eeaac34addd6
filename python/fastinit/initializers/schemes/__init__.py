"""Named schemes of papers and architectures."""
