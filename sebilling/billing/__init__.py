"""The billing domain. Functions that write take a WriteSession and never commit; functions that read take a ReadSession."""
