"""Channels that send messages: webhooks, a WhatsApp gateway, Telegram. `answers` classifies what they answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from sebilling_notify import answers, signing
from sebilling_notify.answers import Answer
from sebilling_notify.queue import Message

_MAX_ANSWER_BYTES = 64 * 1024
_MAX_TELEGRAM_CHARACTERS = 4_000
"""Maximum length of a text. Telegram accepts 4,096 and counts some characters twice."""


class Channel(Protocol):
    """A receiver, with a lane of messages of its own."""

    @property
    def lane(self) -> str:
        """Name of the lane in the queue."""

    @property
    def in_order(self) -> bool:
        """Whether a failed message delays the ones behind it."""

    @property
    def least_seconds(self) -> float:
        """Minimum time between two messages."""

    async def send(self, client: httpx.AsyncClient, message: Message) -> None:
        """Send one message. Raises TryAgain, Held, Refused, Moved, httpx.HTTPError, TimeoutError."""


def masked(target: str) -> str:
    """Mask a number or address for the log: its last three characters, or the host of an address."""
    host = urlsplit(target).hostname if "://" in target else None
    return host or ("…" + target[-3:] if len(target) > 5 else "…")


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook that receives events as signed JSON. Only the status of its answer matters: 2xx is delivered, 410 refused."""

    url: str = field(repr=False)
    secret: SecretStr
    clock: Callable[[], datetime]
    in_order: ClassVar[bool] = True
    least_seconds: ClassVar[float] = 0.0

    @property
    def lane(self) -> str:
        return f"webhook {self.url}"

    async def send(self, client: httpx.AsyncClient, message: Message) -> None:
        body, timestamp = message.body.encode(), int(self.clock().timestamp())
        headers = {
            "Content-Type": "application/json",
            signing.EVENT: message.target,
            signing.TIMESTAMP: str(timestamp),
            signing.SIGNATURE: signing.sign(self.secret.get_secret_value(), timestamp=timestamp, body=body),
        }
        answers.of_webhook(await _post(client, self.url, headers=headers, content=body))


@dataclass(frozen=True, slots=True)
class WhatsApp:
    """A WhatsApp gateway that accepts a form with a number and a text, such as Fonnte or Wablas."""

    url: str = field(repr=False)
    token: SecretStr | None
    token_header: str
    phone_field: str
    text_field: str
    extra: Mapping[str, str]
    per_minute: int
    lane: ClassVar[str] = "whatsapp"
    in_order: ClassVar[bool] = False

    @property
    def least_seconds(self) -> float:
        return 60.0 / self.per_minute

    async def send(self, client: httpx.AsyncClient, message: Message) -> None:
        headers = {} if self.token is None else {self.token_header: self.token.get_secret_value()}
        form = {**self.extra, self.phone_field: message.target.removeprefix("+"), self.text_field: message.body}
        answers.of_whatsapp(await _post(client, self.url, headers=headers, data=form))


@dataclass(frozen=True, slots=True)
class Telegram:
    """The staff's Telegram group, reached by a bot."""

    url: str
    token: SecretStr
    lane: ClassVar[str] = "telegram"
    in_order: ClassVar[bool] = False
    least_seconds: ClassVar[float] = 3.1
    """Telegram's limit: twenty messages a minute from a bot to a group."""

    async def send(self, client: httpx.AsyncClient, message: Message) -> None:
        url = f"{self.url.rstrip('/')}/bot{self.token.get_secret_value()}/sendMessage"
        text = message.body[:_MAX_TELEGRAM_CHARACTERS]
        answers.of_telegram(await _post(client, url, json={"chat_id": message.target, "text": text}))


async def _post(client: httpx.AsyncClient, url: str, **content: Any) -> Answer:
    """Send a POST and return the answer, at most 64 KiB of it. Redirects aren't followed, so a token is sent only to the set address."""
    async with client.stream("POST", url, **content) as response:
        body = b""
        async for part in response.aiter_bytes():
            body += part
            if len(body) > _MAX_ANSWER_BYTES:
                break
        return Answer(response.status_code, body[:_MAX_ANSWER_BYTES], response.headers)
