"""What an activation does to a signal: moments by quadrature, gains, the correlation map."""
