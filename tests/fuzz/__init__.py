"""Documents by chance against a running server."""
