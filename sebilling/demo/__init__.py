"""The demo ISP and a month of its billing."""
