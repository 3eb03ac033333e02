"""Results as text: JSON Lines, CSV and TSV, appended to and read on from where a run ended."""
