"""The loop itself: rules, router and notifications on one timeline, live or over history."""
