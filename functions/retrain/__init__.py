"""What may start a training run: data, the clock, drift. At least once in, exactly one run out (docs/adr/0009)."""
