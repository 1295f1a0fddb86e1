"""Where drivers for network gear will plug in: hook specifications, their contract and the conformance kit."""
