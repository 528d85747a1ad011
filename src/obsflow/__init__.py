"""From a metric to an action: Prometheus data, PromQL, rules, routing and notifications as one library."""
