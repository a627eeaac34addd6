"""Activations: moments of signals by quadrature, gains, the correlation map."""
