"""Classify a receiver's answer: delivered, retry this message, hold the lane, recipient invalid, or recipient moved.

Only a reason about the recipient drops a message. A problem of the gateway itself (phone disconnected, quota, token) affects every
message, so it holds the lane. An unknown reason is retried until the message is too old. Gateways give their reasons as text: Fonnte's
are documented at docs.fonnte.com, others are similar. A reason may contain the number or the text, so it is logged in our own words.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

_MAX_PAUSE_SECONDS: Final = 3_600.0
_MAX_REASON: Final = 500
Words = tuple[str, ...]
_GATEWAYS: Final[tuple[tuple[Words, str], ...]] = (
    (
        ("disconnect", "not connected", "terputus", "tidak terhubung", "belum terhubung", "logged out", "logged_out", "scan qr"),
        "its WhatsApp is disconnected: connect the phone at the gateway",
    ),
    (("token", "api key", "api_key", "apikey", "unauthor", "credential"), "it refuses the token: check it, and set the right one"),
    (
        ("quota", "kuota", "balance", "saldo", "insufficient", "expired", "package", "paket", "masa aktif"),
        "its quota or package is used up: renew it at the gateway",
    ),
    (
        ("device", "perangkat", "account", "akun", "sender", "pengirim", "suspend", "banned", "diblokir"),
        "its device or account isn't in order: look at the gateway",
    ),
)
_RECIPIENTS: Final[tuple[Words, Words]] = (
    ("target", "number", "nomor", "phone", "recipient", "receiver", "tujuan", "whatsapp", "telepon"),
    (
        "invalid",
        "not valid",
        "not registered",
        "unregistered",
        "not found",
        "not exist",
        "tidak valid",
        "tidak terdaftar",
        "salah",
        "wrong",
    ),
)
_PASSING: Final[Words] = ("server", "maintenance", "timeout", "timed out", "unavailable", "too many", "limit", "try again")
_CHATS: Final[Words] = ("chat not found", "not enough rights", "chat_id", "peer_id", "deactivated", "kicked", "blocked", "not a member")


class TryAgain(Exception):
    """Not delivered; a retry may succeed. Contains no secret."""


class Held(TryAgain):
    """Not delivered, and no other message would be: the whole lane waits at least `pause_seconds`. Contains no secret."""

    def __init__(self, why: str, *, pause_seconds: float = 0.0) -> None:
        super().__init__(why)
        self.pause_seconds = min(pause_seconds, _MAX_PAUSE_SECONDS)


class Refused(Exception):
    """Can never be delivered to this recipient. Contains no secret."""


class Moved(Exception):
    """The recipient has a new address."""

    def __init__(self, target: str) -> None:
        super().__init__("the recipient has moved")
        self.target = target


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, the beginning of the body, and headers."""

    status: int
    body: bytes
    headers: httpx.Headers

    @property
    def is_good(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def json(self) -> Mapping[str, Any]:
        """The body as an object with lowercase names; empty if it isn't one."""
        try:
            parsed: Any = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return {str(name).lower(): value for name, value in parsed.items()} if isinstance(parsed, dict) else {}


def of_webhook(answer: Answer) -> None:
    """Classify a webhook's answer: 2xx is delivered, 410 is refused, anything else holds the lane, as events are sent in order.

    Raises Held, Refused.
    """
    if answer.status == 410:
        raise Refused("HTTP 410: the receiver wants no more")
    if answer.status in {401, 403}:
        raise Held(f"HTTP {answer.status}: the receiver doesn't take the signature: check the secret on both sides")
    if not answer.is_good:
        raise _busy(answer)


def of_whatsapp(answer: Answer) -> None:
    """Classify a WhatsApp gateway's answer. Raises TryAgain, Held, Refused."""
    if answer.status in {401, 403}:
        raise Held(f"HTTP {answer.status}: the gateway refuses the token: check it, and set the right one")
    if answer.status == 402:
        raise Held("HTTP 402: the gateway's quota or package is used up: renew it at the gateway")
    if answer.status in {404, 405} or 300 <= answer.status < 400:
        raise Held(f"HTTP {answer.status}: there is no gateway at the address: check it")
    if answer.status in {408, 429} or answer.status >= 500:
        raise _busy(answer)
    said = answer.json()
    if answer.is_good and not _is_no(said):
        if answer.body.lstrip()[:1] == b"<":
            raise Held("what answers is a web page and no gateway: check the address")
        return
    raise _refusal(_reason(said))


def of_telegram(answer: Answer) -> None:
    """Classify Telegram's answer. Raises TryAgain, Held, Moved."""
    if answer.is_good:
        return
    said = answer.json()
    parameters = said.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    moved = parameters.get("migrate_to_chat_id")
    if isinstance(moved, int) and not isinstance(moved, bool):
        raise Moved(str(moved))
    if answer.status == 429:
        wait = parameters.get("retry_after")
        raise Held("HTTP 429", pause_seconds=float(wait) if isinstance(wait, int | float) and wait > 0 else _waits(answer.headers))
    if answer.status in {401, 404}:
        raise Held(f"HTTP {answer.status}: Telegram refuses the bot's token: check it, and set the right one")
    if answer.status == 403:
        raise Held("HTTP 403: the bot isn't in the chat any more: add it again")
    if answer.status == 400 and any(word in _reason(said) for word in _CHATS):
        raise Held("HTTP 400: the chat's id is wrong, or the bot isn't in the group")
    if answer.status == 400:
        raise TryAgain("HTTP 400: Telegram doesn't take this message")
    raise _busy(answer)


def _is_no(said: Mapping[str, Any]) -> bool:
    """Whether the body reports a failure: gateways answer 200 with `{"status": false, "reason": …}`, Fonnte sometimes with `"Status"`."""
    return said.get("status") in (False, "false", "error", "failed") or said.get("success") is False


def _reason(said: Mapping[str, Any]) -> str:
    """Return the reason in lowercase."""
    texts = [said.get(name) for name in ("reason", "message", "detail", "details", "description", "error", "errors")]
    return " ".join(str(text) for text in texts if text)[:_MAX_REASON].lower()


def _refusal(reason: str) -> TryAgain | Refused:
    """Check for a problem of the gateway first: while its own phone is offline, its reason says nothing about the recipient's number."""
    for words, told in _GATEWAYS:
        if any(word in reason for word in words):
            return Held(f"the gateway says no: {told}")
    if all(any(word in reason for word in words) for words in _RECIPIENTS):
        return Refused("the gateway says that the number is wrong, or has no WhatsApp: correct the customer's phone")
    if any(word in reason for word in _PASSING):
        return Held("the gateway says no: it has trouble of its own")
    return TryAgain("the gateway says no, for a reason that isn't known here: look at its dashboard")


def _busy(answer: Answer) -> Held:
    return Held(f"HTTP {answer.status}", pause_seconds=_waits(answer.headers) if answer.status in {429, 503} else 0.0)


def _waits(headers: httpx.Headers) -> float:
    retry_after = headers.get("Retry-After", "")
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10 else 5.0
