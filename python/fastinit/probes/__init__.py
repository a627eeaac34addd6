"""Reports of probes: the signals and gradients of a real model, verdicts on them, and charts."""
