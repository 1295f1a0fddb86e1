"""The demo ISP and its month."""
