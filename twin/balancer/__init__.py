"""The data plane of the account's load balancers: what listens, to whom it forwards, whom it thinks healthy.

A fake for Application Load Balancers, of which it keeps the rules, weights, health checks, draining and error codes.
It proves nothing of their scaling, their TLS policies, HTTP/2, sticky sessions, access logs and idle timeouts, and a
response is passed on when it is whole.
"""
