"""The share of other libraries' models that a recording covers."""
