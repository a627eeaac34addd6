"""CUDA without a GPU: an emulator of PTX, and a stand-in for the runtime library."""
