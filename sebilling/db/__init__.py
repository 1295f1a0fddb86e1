"""The database: engines and transactions, the embedded server, migrations."""
