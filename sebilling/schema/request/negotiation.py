"""Media type of a response: what the client's Accept header likes best of what there is.

https://graphql.github.io/graphql-over-http/draft/#sec-Media-Types and https://www.rfc-editor.org/rfc/rfc9110#name-accept
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from sebilling.qualities import qualities

RESPONSE_JSON: Final = "application/graphql-response+json"
JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"
_NEVER: Final = Decimal(0)


def media_type(accept: str) -> str | None:
    """JSON type of the response: RESPONSE_JSON if the header names it and does not prefer JSON; None if it accepts neither."""
    accepted = qualities(accept)
    json, response_json = _quality(accepted, JSON), _quality(accepted, RESPONSE_JSON)
    if not json and not response_json:
        return None
    is_preferred = response_json > json or (response_json == json and RESPONSE_JSON in accepted)
    return RESPONSE_JSON if is_preferred else JSON


def type_of_error(accept: str) -> str:
    """Media type of an error in the form of a GraphQL response, whatever the client accepts."""
    return media_type(accept) or JSON


def takes_events(accept: str) -> bool:
    """Whether the header names event streams: `*/*` asks for an ordinary response."""
    return qualities(accept).get(EVENT_STREAM, _NEVER) > 0


def _quality(accepted: Mapping[str, Decimal], kind: str) -> Decimal:
    """Quality of a type, by the most specific range that matches it. Without any range, every type is accepted."""
    if not accepted:
        return Decimal(1)
    ranges = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    return next((accepted[name] for name in ranges if name in accepted), _NEVER)
