"""Where messages go: webhooks, a WhatsApp gateway, Telegram. Each sends one message, and says what an answer means."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from sebilling_notify import signing
from sebilling_notify.queue import Message

_MOST_ANSWER_BYTES = 64 * 1024
_MOST_PAUSE_SECONDS = 3_600.0
_MOST_REFUSALS = 5
"""A gateway that answers 200 and means no: it may be the number, or the gateway's own trouble."""


class TryAgain(Exception):
    """Not delivered, but it may help to wait. `pause_seconds`: nothing else may be sent there before. Holds no secret."""

    def __init__(self, why: str, *, pause_seconds: float = 0.0) -> None:
        super().__init__(why)
        self.pause_seconds = min(pause_seconds, _MOST_PAUSE_SECONDS)


class Refused(Exception):
    """Never delivered, whatever is waited for. Holds no secret."""


class Channel(Protocol):
    """A lane of messages. `in_order`: none overtakes another."""

    @property
    def lane(self) -> str:
        """Its name in the queue."""

    @property
    def in_order(self) -> bool:
        """Whether a message that failed holds up the ones behind it."""

    @property
    def least_seconds(self) -> float:
        """Between two messages."""

    async def send(self, client: httpx.AsyncClient, message: Message) -> None:
        """Send one. Raises TryAgain, Refused, httpx.HTTPError, TimeoutError."""


def masked(target: str) -> str:
    """A number or address as it may be logged: its last three characters, or the host of an address."""
    host = urlsplit(target).hostname if "://" in target else None
    return host or ("…" + target[-3:] if len(target) > 5 else "…")


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that gets events as signed JSON. What it answers doesn't matter, but for the status: 2xx is delivered, 410 is enough."""

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
        status, _, answer_headers = await _post(client, self.url, headers=headers, content=body)
        if status == 410:
            raise Refused("HTTP 410: the receiver wants no more")
        if not 200 <= status < 300:
            raise _again(status, answer_headers)


@dataclass(frozen=True, slots=True)
class WhatsApp:
    """A gateway that takes a form with a number and a text, as Fonnte, Wablas and many others do."""

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
        status, answer, answer_headers = await _post(client, self.url, headers=headers, data=form)
        if status in {400, 404, 413, 422}:
            raise Refused(f"HTTP {status}")
        if not 200 <= status < 300:
            raise _again(status, answer_headers)
        if _is_no(answer):
            if message.attempts + 1 >= _MOST_REFUSALS:
                raise Refused("the gateway took it and said no")
            raise TryAgain("the gateway took it and said no")


def _is_no(answer: bytes) -> bool:
    """Gateways answer 200 with `{"status": false, "reason": …}`; the reason may name the number, so it isn't kept."""
    try:
        told: Any = json.loads(answer)
    except ValueError:
        return False
    return isinstance(told, dict) and (told.get("status") in (False, "false", "error", "failed") or told.get("success") is False)


@dataclass(frozen=True, slots=True)
class Telegram:
    """The staff's group, by a bot."""

    url: str
    token: SecretStr
    lane: ClassVar[str] = "telegram"
    in_order: ClassVar[bool] = True
    least_seconds: ClassVar[float] = 3.1
    """A bot may send twenty messages a minute to a group."""

    async def send(self, client: httpx.AsyncClient, message: Message) -> None:
        url = f"{self.url.rstrip('/')}/bot{self.token.get_secret_value()}/sendMessage"
        status, answer, headers = await _post(client, url, json={"chat_id": message.target, "text": message.body})
        if status == 429:
            raise TryAgain("HTTP 429", pause_seconds=_retry_after(answer) or _waits(headers))
        if status == 400:
            raise Refused("HTTP 400: the chat's id is wrong, or the bot isn't in the group")
        if not 200 <= status < 300:
            raise _again(status, headers)


def _retry_after(answer: bytes) -> float:
    try:
        return float(json.loads(answer)["parameters"]["retry_after"])
    except (ValueError, KeyError, TypeError):
        return 0.0


def _again(status: int, headers: httpx.Headers) -> TryAgain:
    return TryAgain(f"HTTP {status}", pause_seconds=_waits(headers) if status in {429, 503} else 0.0)


def _waits(headers: httpx.Headers) -> float:
    given = headers.get("Retry-After", "")
    return float(given) if given.isascii() and given.isdigit() else 5.0


async def _post(client: httpx.AsyncClient, url: str, **content: Any) -> tuple[int, bytes, httpx.Headers]:
    """Status, the first 64 KiB of the answer, and headers. Redirects aren't followed: a token goes where it was set to go."""
    async with client.stream("POST", url, **content) as response:
        answer = b""
        async for part in response.aiter_bytes():
            answer += part
            if len(answer) > _MOST_ANSWER_BYTES:
                break
        return response.status_code, answer[:_MOST_ANSWER_BYTES], response.headers
