"""Plugins: the contract of drivers for network devices, the hook specifications and the conformance kit."""
