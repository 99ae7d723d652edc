"""The release policy, one rule a function: each says whether it holds and why, in one sentence with its numbers."""
