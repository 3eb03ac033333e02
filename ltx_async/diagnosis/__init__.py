"""What keeps lookups from working here."""
