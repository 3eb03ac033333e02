"""Records of lookups, written and read."""
