"""Files of scenarios: what happens to an Alertmanager, and everything that it sends."""
