"""Routes parse, delegate and serialise; nothing else."""
