"""The PromQL language: text to tree and back."""
