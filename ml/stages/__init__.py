"""The mains that DVC runs, one a stage."""
