"""Serve: a released bundle behind HTTP, swapped without dropping a request."""
