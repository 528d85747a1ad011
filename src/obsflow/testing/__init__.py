"""Prometheus' languages for tests, and what runs them."""
