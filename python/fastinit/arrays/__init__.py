"""New arrays and given memory, on the CPU or a GPU, that values are drawn into; their digests."""
