"""The GraphQL engine: executes documents, independent of the domain's types."""
