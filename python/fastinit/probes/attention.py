"""Numbers of a probe of attention, in every framework."""

QUERIES, INPUTS = 64, 4
"""The most that are looked at, so that the cost is small beside the model's."""

HIDDEN = 5e3
"""The distance below a query's largest logit from which a mask hides keys, as by adding -1e4."""
