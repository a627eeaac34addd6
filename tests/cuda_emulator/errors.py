"""What the emulator raises."""


class PtxError(Exception):
    """The PTX text cannot be run: it is not supported, or not reproducible to the bit."""


class EmuError(Exception):
    """The kernel did something wrong."""
