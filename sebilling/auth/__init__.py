"""Authentication: users, passwords, sign-ins, two-step codes, signed links."""
