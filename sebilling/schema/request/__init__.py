"""From a request to an execution, and its errors: the endpoint, the caller, rights, limits, documents."""
