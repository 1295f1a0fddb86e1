"""Measurements, each a ratio to a reference run in the same minutes on the same machine."""
