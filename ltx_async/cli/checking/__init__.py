"""The run behind `check`."""
