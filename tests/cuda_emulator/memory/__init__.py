"""Global memory, and the detector of races in it and in shared memory."""
