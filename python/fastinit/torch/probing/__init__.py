"""The probe: what signals and gradients do in a real model at its start."""
