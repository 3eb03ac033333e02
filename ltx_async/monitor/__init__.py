"""What has changed between two rounds of checks."""
