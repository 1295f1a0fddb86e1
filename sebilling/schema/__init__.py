"""The GraphQL schema: each query is one SQL statement, each mutation one transaction."""
