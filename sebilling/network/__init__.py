"""Perangkat: devices and service access, and the isolation engine.

Billing decides who should be blocked; this package carries the decision out on the devices.
"""
