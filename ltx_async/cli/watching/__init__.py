"""The rounds behind `watch`."""
