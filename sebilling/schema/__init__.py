"""GraphQL: the nouns of `billing/`, read in one SQL statement per query and written by one transaction per mutation."""
