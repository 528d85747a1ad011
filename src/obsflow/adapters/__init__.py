"""The edge: what reads and writes files, sockets and processes for the floors below."""
