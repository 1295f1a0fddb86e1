"""What a request carries: who asks, in which language, since when; and the one way to database and clock."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import strawberry
from starlette.responses import Response

from sebilling.actor import Actor
from sebilling.auth.caller_cache import CallerCache
from sebilling.clock import Clock
from sebilling.config import Settings
from sebilling.db.engine import Database, WriteSession
from sebilling.errors import Language, Unauthenticated, Unavailable
from sebilling.plugins.loading import Plugins
from sebilling.schema.engine.cookies import Origin
from sebilling.schema.engine.feed_subscription import Look
from sebilling.storage import ObjectStore
from sebilling.vault import Vault


@dataclass(slots=True)
class Parts:
    """What lives as long as the app."""

    database: Database
    settings: Settings
    clock: Clock
    store: ObjectStore
    """Where proofs lie."""
    key: bytes
    """Signs addresses of downloads."""
    plugins: Plugins = field(default_factory=Plugins)
    vault: Vault | None = None
    """Opens and locks devices' settings."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is work for the background loop."""
    caller_cache: CallerCache = field(init=False)
    """Tells who asks."""

    def __post_init__(self) -> None:
        self.caller_cache = CallerCache(self.database)


@dataclass(slots=True)
class Context:
    """What lives as long as a request."""

    parts: Parts
    at: datetime
    language: Language
    token: str | None
    actor: Actor | None
    plans: dict[Any, Any] = field(default_factory=dict)
    """Reading plans of the request's document: kept with it in the cache of documents."""
    operation: str = ""
    deadline: asyncio.Timeout | None = None
    """When the document is given up. A mutation takes it off: nothing that writes is cut in the middle."""
    trouble: Unavailable | None = None
    """Why nobody could look up who asks."""
    origin: Origin = field(default_factory=Origin)
    """From where, and how."""
    sign_in_id: int | None = None
    """By which of the user's sign-ins."""
    is_stale: bool = False
    """When the token was used is to be written, after the answer."""
    response: Response | None = None
    """Where cookies are put; there is none at a WebSocket."""
    look: Look | None = None
    """The turn of a subscription that is executed."""

    @property
    def signed_in(self) -> Actor:
        """Who asks. Raises Unauthenticated, DatabaseUnavailable."""
        if self.trouble is not None:
            raise self.trouble
        if self.actor is None:
            raise Unauthenticated
        return self.actor

    def transaction(self) -> AbstractAsyncContextManager[WriteSession]:
        """One transaction, done by who asks, now."""
        return self.parts.database.transaction(actor=self.signed_in, at=self.at)


Info = strawberry.Info[Context, None]
