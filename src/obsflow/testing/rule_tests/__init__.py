"""Unit tests of rules, as `promtool test rules` has them, and of the way to the notification."""
