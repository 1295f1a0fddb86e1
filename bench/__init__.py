"""Benchmarks, each a ratio to a reference that runs in the same minutes on the same machine."""
