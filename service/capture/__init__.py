"""Keep what was predicted: in memory for seconds, on disk until it is in S3, and never in a request's way."""
