"""Planted faults: each is a mistake that a tired programmer could make, and the suite must notice it."""
