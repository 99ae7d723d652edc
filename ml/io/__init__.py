"""Where learning touches the outside: files, MLflow, DVC, git."""
