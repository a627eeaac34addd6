"""Recording: a model's own initialization as a plan, from running its code without its memory."""
