"""Who is asking: passwords, sign-ins, and what each role may do."""
