"""The application: which stacks, where, with which values."""
