"""The forms of instructions that the emulator runs, each with an exact model."""

from cuda_emulator.tests.forms import conversions, floats, integers

FORMS = [*integers.forms(), *floats.forms(), *conversions.forms()]
