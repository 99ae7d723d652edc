"""`healthy.py PORT PATH`: exit 0 when this container's server answers 200. A socket and nothing else: it runs often."""

import socket
import sys

port, path = int(sys.argv[1]), sys.argv[2]
with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
    connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
    sys.exit(b" 200 " not in connection.recv(64))
