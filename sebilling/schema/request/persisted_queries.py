"""Automatic persisted queries: a client sends the SHA-256 of a text instead of the text, as Apollo Client and urql do.

https://www.apollographql.com/docs/apollo-server/performance/apq: a hash that this process doesn't know is answered with
PersistedQueryNotFound; the client then sends hash and text together, once. The texts are those of the document cache, which keeps
only valid documents of signed-in callers and is bounded. Trusted documents are known by their hash from the beginning.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from sebilling.errors import PersistedQueryNotFound
from sebilling.language import Sentence
from sebilling.schema.request.refusals import Refusal

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_VERSION: Final = 1
_NO_HASH: Final = Sentence(
    "extensions.persistedQuery needs version 1 and sha256Hash, the SHA-256 of the query's text in hex: correct them, or leave it out.",
    "extensions.persistedQuery memerlukan version 1 dan sha256Hash, SHA-256 teks query dalam heksadesimal: perbaiki, atau hapus.",
)
_OTHER_TEXT: Final = Sentence(
    "This query doesn't have the SHA-256 in extensions.persistedQuery: compute it from the text that is sent.",
    "Query ini tidak memiliki SHA-256 di extensions.persistedQuery: hitung dari teks yang dikirim.",
)


class Texts(Protocol):
    """Texts by the SHA-256 of each."""

    def text(self, digest: str) -> str | None:
        """The text with this SHA-256, if it is known."""


def digest_in(extensions: Mapping[str, Any] | None) -> str | None:
    """The hash in a request's `extensions`; None if there is none, or none that is well-formed."""
    persisted = (extensions or {}).get("persistedQuery")
    digest = persisted.get("sha256Hash") if isinstance(persisted, dict) and persisted.get("version") == _VERSION else None
    return digest if isinstance(digest, str) and _DIGEST.fullmatch(digest) else None


def known_text(body: Mapping[str, Any], texts: Texts) -> Any:
    """The text of a request: its query or, if it has only a hash, what is known by it. None if there is something to check or to refuse."""
    query, extensions = body.get("query"), body.get("extensions")
    if extensions is None:
        return query
    if not isinstance(extensions, dict):
        return None
    if "persistedQuery" not in extensions:
        return query
    digest = digest_in(extensions)
    return texts.text(digest) if not query and digest is not None else None


def text_of(query: str | None, extensions: Mapping[str, Any] | None, *, texts: Texts, trusted: Mapping[str, str]) -> str | None:
    """The text of a request with a hash; `query` if it has none. Raises Refusal, PersistedQueryNotFound."""
    if "persistedQuery" not in (extensions or {}):
        return query
    digest = digest_in(extensions)
    if digest is None:
        raise Refusal(400, _NO_HASH)
    if query:
        if hashlib.sha256(query.encode()).hexdigest() != digest:
            raise Refusal(400, _OTHER_TEXT)
        return query
    text = texts.text(digest) or trusted.get(f"sha256:{digest}")
    if text is None:
        raise PersistedQueryNotFound
    return text
