"""Emails out of files and pipes."""
