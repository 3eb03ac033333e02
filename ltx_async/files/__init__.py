"""Files that survive: private, locked, synced, replaced whole."""
