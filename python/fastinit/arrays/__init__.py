"""Where drawn values go: new arrays and given memory on the CPU or a GPU, and their digests."""
