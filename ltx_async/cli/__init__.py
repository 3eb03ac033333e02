"""The command line: arguments, what each command does, and what people see of it.

Needs click and rich; `ltx_async.__main__` says so where one is missing.
"""
