"""How much of other libraries a recording covers."""
