"""Bringing customers in from what ISPs have: spreadsheets and routers. Everything in a file, or nothing."""
