"""What a prediction costs here, beside the ways in which most people serve a model."""
