"""Media type of a response: what the client's Accept header likes best of what there is.

https://graphql.github.io/graphql-over-http/draft/#sec-Media-Types and https://www.rfc-editor.org/rfc/rfc9110#name-accept
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

RESPONSE_JSON: Final = "application/graphql-response+json"
JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"
_MAX_TYPES: Final = 32
"""Maximum number of types of an Accept header that are read."""
_MAX_REMEMBERED: Final = 300
"""Maximum length of a header whose reading is remembered: clients send a few short ones again and again."""
_NEVER: Final = Decimal(0)


def media_type(accept: str) -> str | None:
    """JSON type of the response: RESPONSE_JSON if the header names it and does not prefer JSON; None if it accepts neither."""
    accepted = _accepted(accept)
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
    return _accepted(accept).get(EVENT_STREAM, _NEVER) > 0


def _quality(accepted: Mapping[str, Decimal], kind: str) -> Decimal:
    """Quality of a type, by the most specific range that matches it. Without any range, every type is accepted."""
    if not accepted:
        return Decimal(1)
    ranges = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    return next((accepted[name] for name in ranges if name in accepted), _NEVER)


def _accepted(accept: str) -> Mapping[str, Decimal]:
    """Quality by range; ranges that can't be read are left out."""
    return _remembered(accept) if len(accept) <= _MAX_REMEMBERED else dict(_ranges(accept))


@lru_cache(maxsize=200)
def _remembered(accept: str) -> Mapping[str, Decimal]:
    return dict(_ranges(accept))


def _ranges(accept: str) -> Iterator[tuple[str, Decimal]]:
    for part in accept.split(",", _MAX_TYPES)[:_MAX_TYPES]:
        kind, *parameters = (token.strip().lower() for token in part.split(";"))
        if "/" not in kind:
            continue
        quality = Decimal(1)
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = Decimal(value.strip()[:5])
                except InvalidOperation:
                    quality = Decimal("NaN")
        if quality.is_finite():
            yield kind, quality
