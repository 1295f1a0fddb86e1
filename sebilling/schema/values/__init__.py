"""Values of the schema: ids, scalars, pages and payloads."""
