"""Slow and obvious twins of the fast parts."""
