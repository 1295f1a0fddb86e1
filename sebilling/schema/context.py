"""What a request carries: who asks, in which language, since when; and the one way to database and clock."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import strawberry

from sebilling.actor import Actor
from sebilling.clock import Clock
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.errors import Language, Unauthenticated


@dataclass(slots=True)
class Parts:
    """What lives as long as the app."""

    database: Database
    settings: Settings
    clock: Clock
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is work for the background loop."""


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

    @property
    def signed_in(self) -> Actor:
        """Who asks. Raises Unauthenticated."""
        if self.actor is None:
            raise Unauthenticated
        return self.actor


Info = strawberry.Info[Context, None]
