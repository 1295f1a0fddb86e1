"""Perangkat: devices and service access, and the engine that makes them as billing decided.

Billing decides who should be blocked; network makes it so.
"""
