"""Commands of `evergreen` that have a module of their own: what a person types, and what is printed."""
