"""Truncations of a normal, by name."""

import numpy as np

TRUNCATIONS = {  # one for each formulation and piece of one, on either side
    "central": (-2.0, 2.0),
    "flat": (-0.01, 0.01),
    "symmetric": (-3.0, 3.0),
    "skewed": (-0.5, 4.0),
    "narrow": (-1.0, 0.25),
    "beside": (0.1, 1.7),
    "far": (2.5, 3.0),
    "far below": (-9.0, -8.0),
    "below": (-np.inf, 1.0),
    "above": (0.0, np.inf),
    "tail": (5.0, np.inf),
    "left tail": (-np.inf, -8.0),
    "none": (-np.inf, np.inf),
}
