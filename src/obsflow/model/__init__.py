"""The words everything else is said in: labels, matchers, samples, frames, alerts, notifications. No behaviour of its own."""
