"""Import customers, plans and balances from other billing systems: one small module each reads accounts; the rest is common."""
