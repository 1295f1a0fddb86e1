"""What answers mean: a receiver's trouble holds its lane, a wrong number drops one message, and nothing is lost before its time."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from sebilling_notify import answers, phones
from sebilling_notify.__main__ import main, report
from sebilling_notify.answers import Answer as Said
from sebilling_notify.answers import Held, Moved, Refused, TryAgain
from sebilling_notify.channels import Telegram
from sebilling_notify.queue import QueueFull
from sebilling_notify.running import Running
from sebilling_notify.settings import load

from .conftest import BOT, NOW, PHONE, SECRET, TOKEN, Plugin, event, until
from .receiving import Answer, Receiver, Request

CASES: Final = Path(__file__).parents[3] / "tests" / "cases"


def no(reason: str, status: int = 200, **more: Any) -> Said:
    return Said(status, json.dumps({"status": False, "reason": reason, **more}).encode(), httpx.Headers())


def meant(read: Callable[[Said], None], answer: Said) -> type[Exception] | None:
    try:
        read(answer)
    except (TryAgain, Refused, Moved) as error:
        return type(error)
    return None


HOLD: Final = (
    "request invalid on disconnected device", "token invalid", "invalid token", "devices must belong to an account", "insufficient quota",
    "invalid device", "unknown user, account not found", "device not connected", "Perangkat terputus", "kuota habis", "paket expired",
    "request timeout", "server issue", "too many requests", "your number is banned: sender suspended",
    "phone 6281 not registered on this device", "whatsapp not found, please scan qr",
)  # fmt: skip
DROP: Final = (
    "target invalid", "invalid target number", "phone number is not registered on whatsapp", "Nomor tidak terdaftar", "nomor tujuan salah",
    "recipient not found",
)  # fmt: skip
WAIT: Final = ("input invalid", "JSON format invalid", "file format not supported", "url unreachable", "", "maaf")


@pytest.mark.parametrize("status", [200, 400, 422])
@pytest.mark.parametrize(("reasons", "kind"), [(HOLD, Held), (DROP, Refused), (WAIT, TryAgain)])
def test_a_gateways_reason_decides(reasons: tuple[str, ...], kind: type[Exception], status: int) -> None:
    assert {reason: meant(answers.of_whatsapp, no(reason, status)) for reason in reasons} == dict.fromkeys(reasons, kind)


@pytest.mark.parametrize("name", ["status", "Status", "STATUS"])
@pytest.mark.parametrize("field", ["reason", "message", "detail", "error"])
def test_gateways_spell_differently(name: str, field: str) -> None:
    said = Said(200, json.dumps({name: False, field: "target invalid"}).encode(), httpx.Headers())
    assert meant(answers.of_whatsapp, said) is Refused


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"status": true, "detail": "success! message pending due to server issue, will be sent later"}', None),
        (b'{"status": "success"}', None), (b"OK", None), (b"", None), (b'[{"status": false}]', None),
        (b"<!doctype html><p>Selamat datang", Held), (b'{"success": false, "message": "quota"}', Held), (b"[" * 60_000, None),
    ],
)  # fmt: skip
def test_what_a_good_status_says(body: bytes, kind: type[Exception] | None) -> None:
    assert meant(answers.of_whatsapp, Said(200, body, httpx.Headers())) is kind


@pytest.mark.parametrize("status", [301, 401, 402, 403, 404, 405, 408, 429, 500, 502, 503])
def test_a_status_that_every_message_would_get_holds_every_lane(status: int) -> None:
    said = Said(status, b"", httpx.Headers({"Retry-After": "7"}))
    assert [meant(read, said) for read in (answers.of_whatsapp, answers.of_telegram, answers.of_webhook)] == [Held] * 3


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, {"description": "Bad Request: chat not found"}, Held),
        (403, {"description": "Forbidden: bot was kicked from the supergroup chat"}, Held),
        (400, {"description": "Bad Request: message is too long"}, TryAgain),
        (400, {"description": "upgraded", "parameters": {"migrate_to_chat_id": -1001}}, Moved),
        (400, {"description": "upgraded", "parameters": {"migrate_to_chat_id": "javascript"}}, TryAgain),
        (400, {"description": "x", "parameters": [1]}, TryAgain),
        (429, {"parameters": {"retry_after": "soon"}}, Held),
    ],
)
def test_what_telegram_says(status: int, said: dict[str, Any], kind: type[Exception]) -> None:
    assert meant(answers.of_telegram, Said(status, json.dumps(said).encode(), httpx.Headers())) is kind


def test_a_webhook_that_is_over_is_over() -> None:
    assert meant(answers.of_webhook, Said(410, b"", httpx.Headers())) is Refused


async def test_an_outage_of_an_hour_loses_nothing(plugin: Plugin) -> None:
    """Case 17, as it was met: the phone of the gateway lost its session, and 244 of 287 messages were lost."""
    off, on = (Answer(200, (CASES / "17-fonnte-device-disconnected" / name).read_bytes()) for name in ("off.json", "on.json"))
    back = NOW + timedelta(minutes=60)
    async with Receiver(decide=lambda _: on if plugin.now >= back else off) as gateway, plugin.running(whatsapp_url=gateway.url) as running:
        running.sender.first_wait_seconds = 1.0  # as it is shipped
        for number in range(1, 11):
            running.take(event(number))
        await until(running.queue.held)
        await passes(plugin, running, minutes=59)
        (held,) = running.queue.held()
        assert (held.lane, held.since, "disconnected" in held.why) == ("whatsapp", NOW.timestamp(), True)
        assert (running.queue.count(), running.queue.count("DEAD")) == (10, 0)
        assert len(gateway.requests) < 30, "a gateway in trouble isn't stormed"
        for _ in range(30):  # minutes after the gateway is back
            if running.queue.count("SENT") == 10:
                break
            await passes(plugin, running, minutes=1)
        assert (running.queue.count("SENT"), running.queue.held()) == (10, [])


async def passes(plugin: Plugin, running: Running, *, minutes: int) -> None:
    for _ in range(minutes * 2):
        plugin.now += timedelta(seconds=30)
        running.sender.wake()
        await until(lambda: running.queue.next("whatsapp", in_order=False) is None)


async def test_a_group_that_became_a_supergroup_is_followed(plugin: Plugin) -> None:
    """Case 18."""
    moved = Answer(400, (CASES / "18-telegram-supergroup" / "moved.json").read_bytes())

    def decide(request: Request) -> Answer:
        return moved if json.loads(request.body)["chat_id"] == "-4242" else Answer(200, b'{"ok":true}')

    settings = {"telegram_chat": "-4242", "whatsapp_url": ""}
    async with Receiver(decide=decide) as bot:
        async with plugin.running(telegram_url=bot.url, **settings) as running:
            for number in range(2):
                running.take(event(number, "isolation.failed", error="the router can't be reached"))
            await until(lambda: running.queue.count("SENT") == 2, 20)
        async with plugin.running(telegram_url=bot.url, **settings) as running:
            running.take(event(9, "isolation.failed", error="again"))
            await until(lambda: running.queue.count("SENT") == 3, 20)
    assert [json.loads(request.body)["chat_id"] for request in bot.requests] == ["-4242", *["-1001234567890"] * 3]


async def test_a_group_that_moves_in_a_circle_waits(plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    def decide(request: Request) -> Answer:
        other = -1 if json.loads(request.body)["chat_id"] == "-2" else -2
        return Answer(400, json.dumps({"parameters": {"migrate_to_chat_id": other}}).encode())

    monkeypatch.setattr(Telegram, "least_seconds", 0.0)
    async with Receiver(decide=decide) as bot, plugin.running(telegram_url=bot.url, telegram_chat="-1") as running:
        running.take(event(1, "isolation.failed", error="x"))
        await until(lambda: len(bot.requests) >= 2)
        await asyncio.sleep(0.5)
        assert (running.queue.count(), len(bot.requests) < 10) == (1, True)


async def test_what_isnt_known_is_tried_until_it_is_too_old(plugin: Plugin) -> None:
    maybe = Answer(200, b'{"status": false, "reason": "hm"}')
    async with Receiver(decide=lambda _: maybe) as gateway, plugin.running(whatsapp_url=gateway.url, max_age_hours=24) as running:
        running.take(event(1))
        for _ in range(150):
            plugin.now += timedelta(minutes=9)
            running.sender.wake()
            await until(lambda: running.queue.next("whatsapp", in_order=False) is None)
        assert (running.queue.count(), running.queue.count("DEAD")) == (1, 0), "22 hours"
        assert len(gateway.requests) > 10
        plugin.now += timedelta(hours=3)
        await until(lambda: running.queue.count("DEAD") == 1)
        assert running.queue.held() == []


async def test_a_held_lane_holds_up_no_other_and_fills_no_other(plugin: Plugin) -> None:
    off = Answer(200, b'{"status": false, "reason": "request invalid on disconnected device"}')
    async with Receiver(decide=lambda _: off) as gateway, Receiver() as hook:
        async with plugin.running(whatsapp_url=gateway.url, webhook_urls=(hook.url,), max_waiting=3) as running:
            for number in range(3):
                running.take(event(number))
            await until(lambda: len(hook.requests) == 3 and running.queue.count("SENT") == 3)
            with pytest.raises(QueueFull):
                running.take(event(3))
            await until(lambda: len(hook.requests) == 4 and running.queue.count("SENT") == 4)
            assert (running.queue.counts()[("whatsapp", "WAITING")], len(running.queue.held())) == (3, 1)
            plugin.now += timedelta(hours=25)
            assert running.queue.give_up_older(24 * 3_600) == 3, "also while the lane is held"


async def test_a_message_that_alone_breaks_the_gateway_lets_others_go_first(plugin: Plugin) -> None:
    def decide(request: Request) -> Answer:
        return Answer(500 if "Rp1 " in request.form["message"] else 200)

    async with Receiver(decide=decide) as gateway, plugin.running(whatsapp_url=gateway.url) as running:
        for number in range(1, 5):
            running.take(event(number, amount=number))
        for _ in range(400):
            plugin.now += timedelta(seconds=2)
            running.sender.wake()
            if running.queue.count("SENT") == 3:
                break
            await until(lambda: running.queue.next("whatsapp", in_order=False) is None)
        assert (running.queue.count("SENT"), running.queue.count()) == (3, 1)


async def test_the_state_is_shown_and_survives_a_restart(
    plugin: Plugin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = [Answer(200, b'{"status": false, "reason": "target invalid"}')]
    off = Answer(401)
    async with Receiver(decide=lambda request: refused.pop() if refused and "secret" not in request.path else off) as gateway:
        async with plugin.running(whatsapp_url=gateway.url, webhook_urls=(f"{gateway.url}/secret-in-path",)) as running:
            running.take(event(1))
            running.take(event(2))
            await until(lambda: len(running.queue.held()) == 2)
    for name, value in {"QUEUE": str(plugin.queue_file), "WHATSAPP_URL": gateway.url, "WHATSAPP_TOKEN": TOKEN}.items():
        monkeypatch.setenv(f"SEBILLING_NOTIFY_{name}", value)
    assert main() == 1
    told = capsys.readouterr().out
    for words in ("whatsapp: 1 REFUSED", "whatsapp: 1 WAITING", "whatsapp is HELD since 2026-02-03T02:00:00+00:00", "the token", PHONE):
        assert words in told, told
    assert not any(secret in told for secret in (SECRET, TOKEN, BOT, "secret-in-path"))
    async with plugin.running(whatsapp_url=gateway.url) as running:
        assert any("HELD" in line for line in report(running.queue))


def test_the_queue_lies_below_sebillings_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load({"_env_file": None}).queue_file == Path("var/notify.sqlite")
    (tmp_path / ".env").write_text("SEBILLING_VAR=/srv/of-the-file\n")
    assert load().queue_file == Path("/srv/of-the-file/notify.sqlite")
    monkeypatch.setenv("SEBILLING_VAR", "/srv/sebilling")
    assert load().queue_file == Path("/srv/sebilling/notify.sqlite")
    monkeypatch.setenv("SEBILLING_NOTIFY_QUEUE", "/elsewhere/q")
    assert load().queue_file == Path("/elsewhere/q")


SPELLINGS: Final = (
    "+6281234567890", "081234567890", "6281234567890", "81234567890", "0812-3456-7890", "+62 (0)812 3456 7890", "0062 812 3456 7890",
    "+62 062 812 3456 7890", "6262 812 3456 7890", " 0812.3456.7890 ", "0812 3456 7890 / 0813 0000 1111", "WA: 0812 3456 7890",
    "٠٨١٢٣٤٥٦٧٨٩٠", "\u200b0812\u00a03456\u20117890", "tel:+6281234567890",
)  # fmt: skip


@pytest.mark.parametrize("phone", SPELLINGS)
def test_a_phone_in_any_spelling_is_one(phone: str) -> None:
    assert phones.international(phone) == PHONE


@pytest.mark.parametrize(
    ("phone", "told"),
    [
        ("+60 12-345 6789", "+60123456789"), ("(0628) 201234", "+62628201234"), ("", ""), ("-", ""), ("tidak ada", ""),
        ("12345", ""), ("1234567890", ""), ("0" * 40, ""), ("8" * 30, ""), ("+", ""), ("021 5550 1234", "+622155501234"),
    ],
)  # fmt: skip
def test_what_is_no_number_isnt_made_one(phone: str, told: str) -> None:
    assert phones.international(phone) == told
