"""App Runner makes log groups of its own, without a retention, and leaves them behind. This owns them."""
