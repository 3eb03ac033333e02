"""The command line: one file each for commands, input readers, output writers, progress.

Needs click and rich; `ltx_async.__main__` says so where one is missing.
"""
