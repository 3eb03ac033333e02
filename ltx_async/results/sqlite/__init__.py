"""Results in a SQLite database."""
