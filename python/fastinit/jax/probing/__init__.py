"""The probe: what signals and gradients do in a model of JAX at its start."""
