"""Context of a request: where it comes from, the caller, the language, the time; and the only access to the database and the clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import strawberry
from starlette.responses import Response

from sebilling.access_errors import Unauthenticated
from sebilling.actor import Actor
from sebilling.auth.caller_cache import CallerCache
from sebilling.billing.validation import raise_each
from sebilling.clock import Clock
from sebilling.config import Settings
from sebilling.db.engine import AutocommitSession, Database, WriteSession
from sebilling.db.read_batch import ReadBatch
from sebilling.errors import InvalidInput, Unavailable
from sebilling.language import Language
from sebilling.plugins.loading import Plugins
from sebilling.schema.feed_subscription import Look
from sebilling.storage import ObjectStore
from sebilling.vault import Vault

CONTEXT: Final = "sebilling.context"
"""Key of a request's context in its ASGI scope."""


@dataclass(slots=True)
class Parts:
    """Objects that live as long as the application."""

    database: Database
    settings: Settings
    clock: Clock
    store: ObjectStore
    """Stores the proofs of deposits."""
    key: bytes
    """Key that signs download links."""
    plugins: Plugins = field(default_factory=Plugins)
    vault: Vault | None = None
    """Encrypts and decrypts the devices' settings."""
    is_demo: bool = False
    """Whether all rows are made up, so that everybody may see them."""
    importing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while an uploaded spreadsheet is read, which takes memory and time: one at a time."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is work for the background loop."""
    caller_cache: CallerCache = field(init=False)
    """Looks up the caller of a request."""

    def __post_init__(self) -> None:
        self.caller_cache = CallerCache(self.database)


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of a request."""

    network: str = "unknown"
    """Network of the client; see auth/addresses.py."""
    is_secure: bool = False
    """Whether it came over TLS, as far as this server and the trusted proxies know."""
    is_ours: bool = False
    """Whether no page of another site can have caused it."""
    user_agent: str = ""
    """User-Agent as sent; clean it with `sign_in.called` before showing it."""
    device_token: str | None = None
    """Token in the device's cookie."""


@dataclass(slots=True)
class Context:
    """Objects that live as long as a request."""

    parts: Parts
    at: datetime
    language: Language
    token: str | None
    actor: Actor | None
    plans: dict[Any, Any] = field(default_factory=dict)
    """Reading plans of the request's document, kept with it in the document cache."""
    operation: str = ""
    deadline: asyncio.Timeout | None = None
    """Time limit of the document. A mutation removes it, so that no write is interrupted halfway."""
    trouble: Unavailable | None = None
    """Error that prevented looking up the caller."""
    origin: Origin = field(default_factory=Origin)
    """Origin of the request."""
    sign_in_id: int | None = None
    """Id of the sign-in that the request uses."""
    is_identified: bool = False
    """Whether the caller was looked up."""
    is_stale: bool = False
    """Whether the time of the token's use is to be recorded after the response."""
    response: Response | None = None
    """Response to which cookies are added; None for a WebSocket."""
    malformed: list[InvalidInput] = field(default_factory=list)
    """Problems of the mutation's input that were found before its transaction: malformed ids, for which it goes on with numbers that no
    row has, and values that can't be read, so that all other problems are found, too. Nothing is committed then."""
    look: Look | None = None
    """Iteration of the subscription that is executed."""
    reads: ReadBatch = field(init=False)
    """The reads of the document's root fields."""

    def __post_init__(self) -> None:
        self.reads = ReadBatch(self.parts.database)

    @property
    def signed_in(self) -> Actor:
        """The caller. Raises Unauthenticated, DatabaseUnavailable."""
        if self.trouble is not None:
            raise self.trouble
        if self.actor is None:
            raise Unauthenticated
        return self.actor

    def identified_as(self, earlier: "Context") -> None:
        """Take the caller from an earlier context of the same request and token."""
        self.is_identified, self.actor, self.trouble = True, earlier.actor, earlier.trouble
        self.sign_in_id, self.is_stale = earlier.sign_in_id, earlier.is_stale

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[WriteSession]:
        """Begin a transaction in the name of the caller, at the time of the request. Raises InvalidId and InvalidInputs at its end."""
        async with self.parts.database.transaction(actor=self.signed_in, at=self.at) as session:
            yield session
            raise_each(self.malformed)

    def autocommit(self) -> AutocommitSession:
        """Return a session for a function of the database that does all of a mutation, in the name of the caller.

        Raises InvalidId, InvalidInputs.
        """
        raise_each(self.malformed)
        return self.parts.database.autocommit(actor=self.signed_in, at=self.at)


Info = strawberry.Info[Context, None]
