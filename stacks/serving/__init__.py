"""One file per serving target, each with the same outputs."""
