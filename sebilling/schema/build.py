"""Build the schema from the root fields of all modules."""

import copy
import functools
from collections.abc import Collection
from typing import Final

import strawberry
from graphql import GraphQLObjectType
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import create_type

from sebilling.config import Introspection
from sebilling.schema import (
    billing_cycles,
    bulk,
    caller,
    charges,
    corrections,
    counters,
    credit,
    customer_lists,
    customers,
    dashboard,
    deposits,
    device_sessions,
    devices,
    differences,
    events,
    generation,
    imports,
    invoices,
    isolation,
    isolation_policies,
    nodes,
    payment_previews,
    payments,
    periods,
    plans,
    promises,
    recap,
    receipts,
    service_accesses,
    service_tokens,
    settings,
    sign_ins,
    status,
    subscriptions,
    suspensions,
    sync,
    timeline,
    upcoming_blocks,
    users,
)
from sebilling.schema.engine.completion import Executor
from sebilling.schema.engine.reading import resolve
from sebilling.schema.request.document_cache import documents
from sebilling.schema.values.scalars import SCALARS

_NOUNS: Final = (
    caller, sign_ins, users, service_tokens, counters, plans, customer_lists, customers, timeline, charges, billing_cycles, suspensions,
    periods, generation, invoices, payments, payment_previews, sync, credit, corrections, deposits, differences, recap, dashboard,
    receipts, bulk, imports, settings, devices, service_accesses, device_sessions, isolation_policies, upcoming_blocks,
    promises, isolation, events, status, nodes,
)  # fmt: skip
Query: Final = create_type("Query", [field for noun in _NOUNS for field in noun.QUERIES], description="Queries. All require a sign-in.")
Mutation: Final = create_type(
    "Mutation",
    [field for noun in _NOUNS for field in getattr(noun, "MUTATIONS", [])],
    description="Mutations. Each is one transaction: it succeeds, or `errors` shows the reason and nothing is changed.",
)

Subscription: Final = create_type(
    "Subscription",
    subscriptions.SUBSCRIPTIONS,
    description="Subscriptions, over WebSocket (graphql-transport-ws) or SSE. Each message has a cursor from which to continue.",
)


def build_schema(*, introspection: Introspection = "everyone", trusted: Collection[str] | None = None) -> strawberry.Schema:
    """Build the schema with its own document cache. With `trusted`, it executes only documents with these texts."""
    schema = copy.copy(_converted())
    schema.extensions = (documents(introspection=introspection, trusted=trusted),)
    return schema


@functools.cache
def _converted() -> strawberry.Schema:
    """Return the schema without extensions. Converting the types takes 0.1 s, so a process does it once for all its applications."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        execution_context_class=Executor,
        config=StrawberryConfig(default_resolver=resolve, scalar_map=SCALARS),
    )
    for kind in schema._schema.type_map.values():  # noqa: SLF001 - there is no public access
        if isinstance(kind, GraphQLObjectType):
            kind.is_type_of = None  # rows are dicts: Strawberry would look for their class
    return schema
