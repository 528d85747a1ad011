"""The words that everything else is said in: labels, matchers, frames, alerts, notifications."""
