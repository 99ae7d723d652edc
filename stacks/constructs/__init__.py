"""One construct a file; they know aws_cdk and nothing of this application."""
