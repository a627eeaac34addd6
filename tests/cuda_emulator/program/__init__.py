"""PTX as text: its parser, and the instructions whose results it does not fix to the bit."""
