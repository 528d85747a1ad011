"""Prometheus' storage, on buffers that the edge hands in: blocks, head chunks, write-ahead log; and a memory store."""
