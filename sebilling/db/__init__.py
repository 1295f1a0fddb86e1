"""Database access: engines and transactions, the embedded server, migrations."""
