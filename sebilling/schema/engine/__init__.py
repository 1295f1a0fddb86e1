"""The machinery of GraphQL: what answers a document, whatever its nouns."""
