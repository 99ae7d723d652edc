"""One thin stack a file: constructs model, stacks wire."""
