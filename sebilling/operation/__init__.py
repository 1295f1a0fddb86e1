"""Running SeBilling: what it says of its own state, and its backups."""
