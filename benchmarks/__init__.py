"""The benchmark of ltx_async beside its rivals: ``python benchmarks/run.py``."""
