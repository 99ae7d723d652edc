"""Learn: from raw rows to a registered, proved bundle."""
