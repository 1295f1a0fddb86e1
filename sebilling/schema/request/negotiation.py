"""Media type of a response: that of GraphQL over HTTP if the client asks for it, else plain JSON.

https://graphql.github.io/graphql-over-http/draft/#sec-Media-Types
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

RESPONSE_JSON: Final = "application/graphql-response+json"
JSON: Final = "application/json"
_MAX_TYPES: Final = 32
"""Maximum number of types of an Accept header that are read."""


def media_type(accept: str) -> str:
    """RESPONSE_JSON if the header lists it and does not prefer JSON, else JSON; types with `q=0` do not count."""
    qualities = dict(_named(accept))
    wanted = qualities.get(RESPONSE_JSON, Decimal(0))
    return RESPONSE_JSON if wanted > 0 and wanted >= qualities.get(JSON, Decimal(0)) else JSON


def _named(accept: str) -> Iterator[tuple[str, Decimal]]:
    for part in accept.split(",", _MAX_TYPES)[:_MAX_TYPES]:
        kind, *parameters = (token.strip().lower() for token in part.split(";"))
        quality = Decimal(1)
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = Decimal(value.strip()[:5])
                except InvalidOperation:
                    quality = Decimal(0)
        yield kind, quality if quality.is_finite() else Decimal(0)
