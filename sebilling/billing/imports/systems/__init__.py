"""Customers, plans and balances out of other billing systems: a small module for each gives accounts, the rest is the same for all."""
