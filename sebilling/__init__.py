"""Billing and internet isolation for Indonesian ISPs."""

__version__ = "0.5.0"
