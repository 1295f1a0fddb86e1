"""The schema: every noun's root fields, gathered."""

from typing import Final

import strawberry
from strawberry.file_uploads import Upload
from strawberry.file_uploads.scalars import UploadDefinition
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import create_type

from sebilling.schema import (
    charges,
    corrections,
    counters,
    credit,
    custom,
    customers,
    deposits,
    devices,
    events,
    generation,
    invoices,
    isolation,
    papers,
    payments,
    periods,
    plans,
    recap,
    settings,
    users,
)
from sebilling.schema.completion import Executor
from sebilling.schema.documents import documents
from sebilling.schema.reading import resolve
from sebilling.schema.scalars import SCALARS

_NOUNS: Final = (
    users, counters, plans, customers, charges, custom, periods, generation, invoices, payments, credit, corrections, deposits, recap,
    papers, settings, devices, isolation, events,
)  # fmt: skip
Query: Final = create_type(
    "Query", [field for noun in _NOUNS for field in noun.QUERIES], description="What can be asked. Each needs a sign-in."
)
Mutation: Final = create_type(
    "Mutation",
    [field for noun in _NOUNS for field in getattr(noun, "MUTATIONS", [])],
    description="What can be done. Each is one transaction: it happens, or `errors` tells why not and nothing has changed.",
)


def build_schema(*, introspection: bool = True) -> strawberry.Schema:
    """Make the schema, with a cache of documents of its own."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        extensions=[documents(introspection=introspection)],
        execution_context_class=Executor,
        config=StrawberryConfig(default_resolver=resolve, scalar_map={**SCALARS, Upload: UploadDefinition}),
    )
