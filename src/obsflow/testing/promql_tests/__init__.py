"""PromQL test scripts, the language of Prometheus' own tests."""
