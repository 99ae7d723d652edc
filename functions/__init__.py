"""Lambda handlers: an event in, calls to clients out, and what is decided in pure modules beside them."""
