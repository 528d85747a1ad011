"""The Go template language."""
