"""The servers that the service is held against."""
