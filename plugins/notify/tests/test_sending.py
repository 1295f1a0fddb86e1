"""Messages arrive: signed, in order, once for each event; also when receivers fail, are slow, say 429, or forget their answer."""

import asyncio
import json
import random
import signal
import stat
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sebilling.plugins.hookspecs import Invoice, UpcomingBlock

from sebilling_notify import signing
from sebilling_notify.queue import New, Queue, QueueFull

from .conftest import BOT, BUDI, NOW, PHONE, SECRET, SITI, TOKEN, Plugin, event, until
from .receiving import Answer, Receiver, Request


async def test_a_webhook_is_the_event_and_is_signed(plugin: Plugin) -> None:
    async with Receiver() as receiver, plugin.running(webhook_urls=(receiver.url + "/hook",)) as running:
        running.take(event(7, note="Dé wi 🌴"))
        await until(lambda: running.queue.count("SENT") == 1)
    (request,) = receiver.requests
    assert request.path == "/hook"
    assert request.headers["sebilling-event"] == "7"
    now = int(NOW.timestamp())
    assert signing.is_signed(SECRET, request.headers, request.body, now=now + 299)
    assert not signing.is_signed(SECRET, request.headers, request.body, now=now + 301), "an old one played again"
    assert not signing.is_signed(SECRET, request.headers, request.body + b" ", now=now)
    assert not signing.is_signed(SECRET + "x", request.headers, request.body, now=now)
    later = {**request.headers, "sebilling-timestamp": str(now + 600)}
    assert not signing.is_signed(SECRET, later, request.body, now=now + 600), "the time is signed too"
    told = json.loads(request.body)
    assert told == {
        "id": 7, "at": "2026-02-03T02:00:00+00:00", "kind": "payment.recorded", "actor": "Kasir", "subject": "payment", "subjectId": 5,
        "counterId": "cou_1", "data": {"customer_id": "cus_1", "amount": 50_000, "note": "Dé wi 🌴"},
    }  # fmt: skip


async def test_failures_are_tried_again_and_nothing_overtakes(plugin: Plugin) -> None:
    answers = [Answer(500), Answer(drops=True), Answer(hangs=True), Answer(404), Answer(302, headers={"Location": "http://127.0.0.1:1/"})]
    async with Receiver(*answers) as receiver, plugin.running(webhook_urls=(receiver.url,)) as running:
        for number in range(1, 4):
            running.take(event(number))
        for _ in range(600):
            plugin.now += timedelta(seconds=1)
            if running.queue.count("SENT") == 3:
                break
            await asyncio.sleep(0.02)
    assert [request.headers["sebilling-event"] for request in receiver.requests] == ["1", "1", "1", "1", "1", "1", "2", "3"]


async def test_a_receiver_at_random(plugin: Plugin) -> None:
    """Half of all answers are failures: every event arrives, in order, and is repeated only where its answer was no 2xx."""
    chance = random.Random(3)
    taken: list[str] = []

    def decide(request: Request) -> Answer:
        answer = chance.choice(
            [Answer(), Answer(), Answer(204, b""), Answer(500), Answer(drops=True), Answer(400), Answer(503, headers={"Retry-After": "0"})]
        )
        if answer.status in {200, 204} and not answer.drops:
            taken.append(request.headers["sebilling-event"])
        return answer

    async with Receiver(decide=decide) as receiver, plugin.running(webhook_urls=(receiver.url,)) as running:
        for number in range(60):
            running.take(event(number))
        for _ in range(3_000):
            plugin.now += timedelta(seconds=2)
            running.sender.wake()
            if running.queue.count("SENT") == 60:
                break
            await asyncio.sleep(0.005)
        assert running.queue.count() == 0
    assert taken == [str(number) for number in range(60)]


async def test_after_429_nothing_is_sent_before_its_time(plugin: Plugin) -> None:
    async with Receiver(Answer(429, headers={"Retry-After": "1"})) as receiver, plugin.running(webhook_urls=(receiver.url,)) as running:
        running.take(event(1))
        await until(running.queue.held)  # that it was answered so is noted after the request has come
        plugin.now += timedelta(seconds=30)
        await until(lambda: len(receiver.requests) == 2)
    assert receiver.requests[1].at - receiver.requests[0].at >= 0.99


async def test_one_who_is_dead_or_slow_holds_up_no_other(plugin: Plugin) -> None:
    slow = Receiver(decide=lambda _: Answer(hangs=True))
    async with slow, Receiver() as good, plugin.running(webhook_urls=(slow.url, "http://127.0.0.1:1", good.url)) as running:
        for number in range(20):
            running.take(event(number))
        await until(lambda: running.queue.count("SENT") == 20)  # a request has come before its answer is noted
        assert (len(good.requests), running.queue.count()) == (20, 40)


async def test_an_event_that_comes_twice_is_sent_once(plugin: Plugin) -> None:
    settings = {"whatsapp_url": "", "telegram_chat": "-100"}
    async with Receiver() as receiver:
        urls = {"webhook_urls": (receiver.url,), "whatsapp_url": receiver.url + "/wa"} | {"telegram_chat": settings["telegram_chat"]}
        async with plugin.running(telegram_url=receiver.url, **urls) as running:
            assert running.take(event(1)) == 2
            assert running.take(event(1)) == 0
            await until(lambda: running.queue.count("SENT") == 2)
            assert running.take(event(1)) == 0
        async with plugin.running(telegram_url=receiver.url, **urls) as running:
            assert running.take(event(1)) == 0
            await asyncio.sleep(0.3)
    assert sorted(request.path for request in receiver.requests) == ["/", "/wa"]


async def test_whatsapp_is_a_form_with_a_token_in_the_words_of_the_template(plugin: Plugin) -> None:
    plugin.people.bills = [
        Invoice("INV/2026-02/LKT01/000001", BUDI, 150_000, 150_000, date(2026, 2, 20)),
        Invoice("INV/2", SITI, 1, 1, NOW.date()),
    ]
    plugin.people.dues = [UpcomingBlock(BUDI, 100_000, date(2026, 2, 5)), UpcomingBlock(BUDI, 100_000, date(2026, 3, 5))]
    async with Receiver() as receiver:
        async with plugin.running(whatsapp_url=receiver.url + "/send", whatsapp_extra={"countryCode": "62"}) as running:
            running.take(event(1, "invoices.issued"))
            running.take(event(2))
            running.take(event(3, customer_id="cus_2"))  # has no number
            running.take(event(4, "customer.blocked"))
            running.take(event(5, "customer.restored"))
            assert (running.remind(), running.remind()) == (1, 0)
            await until(lambda: running.queue.count("SENT") == 5)
    assert {request.headers["authorization"] for request in receiver.requests} == {TOKEN}
    assert {(request.form["target"], request.form["countryCode"]) for request in receiver.requests} == {(PHONE[1:], "62")}
    assert [request.form["message"].partition("\n")[0] for request in receiver.requests] == [
        "Yth. Budi (C001), tagihan internet INV/2026-02/LKT01/000001 sebesar Rp150.000 sudah terbit. Jatuh tempo 20 Februari 2026."
        " Silakan bayar di loket LKT01.",
        "Yth. Budi (C001), pembayaran Rp50.000 sudah kami terima. Sisa tagihan: Rp100.000. Terima kasih.",
        "Yth. Budi (C001), internet Anda terisolir karena tagihan Rp100.000 belum lunas. Setelah dibayar, internet aktif kembali otomatis.",
        "Yth. Budi (C001), internet Anda sudah aktif kembali. Terima kasih.",
        "Yth. Budi (C001), tagihan Rp100.000 belum lunas. Mohon dibayar sebelum 5 Februari 2026 supaya internet tidak terisolir.",
    ]


async def test_a_bad_number_holds_up_nobody_and_a_gateways_no_isnt_taken_for_yes(plugin: Plugin) -> None:
    wrong = Answer(200, b'{"status": false, "reason": "target invalid"}')
    async with Receiver(wrong, Answer(200, b'{"Status": false}')) as receiver, plugin.running(whatsapp_url=receiver.url) as running:
        for number in range(1, 4):
            running.take(event(number, amount=number))
        await until(lambda: running.queue.count("SENT") == 1)
        assert (running.queue.count("REFUSED"), running.queue.count()) == (1, 1)
        plugin.now += timedelta(seconds=5)
        await until(lambda: running.queue.count("SENT") == 2)
        (refused,) = running.queue.refused()
        assert (refused.target, "correct the customer's phone" in refused.error) == (PHONE, True)
    assert ["Rp1 " in request.form["message"] for request in receiver.requests] == [True, False, False, False]


async def test_telegram_tells_the_staff_and_waits_as_it_is_told(plugin: Plugin) -> None:
    busy = Answer(429, b'{"ok": false, "parameters": {"retry_after": 1}}')
    async with Receiver(busy) as receiver, plugin.running(telegram_url=receiver.url, telegram_chat="-100123") as running:
        running.take(event(1))  # customers' matter
        running.take(event(2, "payment.reversed", reason="salah orang"))
        running.take(event(3, "deposit.verified", counted=45_000, difference=-5_000))
        await until(running.queue.held)
        plugin.now += timedelta(seconds=2)
        await until(lambda: len(receiver.requests) == 3, 15)
    assert {request.path for request in receiver.requests} == {f"/bot{BOT}/sendMessage"}
    assert [json.loads(request.body)["text"] for request in receiver.requests[1:]] == [
        "Pembayaran Rp50.000 dari Budi (C001) dibatalkan oleh Kasir: salah orang",
        "Setoran diverifikasi oleh Kasir: dihitung Rp45.000 dari Rp50.000, selisih -Rp5.000.",
    ]
    assert receiver.requests[1].at - receiver.requests[0].at >= 0.99


async def test_the_customers_own_page(plugin: Plugin) -> None:
    budi = replace(BUDI, page="https://billing.isp.id/tagihan/abc")
    plugin.people.bills = [Invoice("INV-1", budi, 150_000, 150_000, date(2026, 2, 20))]
    async with Receiver() as receiver:
        async with plugin.running(whatsapp_url=receiver.url) as running:
            running.take(event(1, "invoices.issued"))
            await until(lambda: receiver.requests)
    assert receiver.requests[0].form["message"].split("\n") == [
        "Yth. Budi (C001), tagihan internet INV-1 sebesar Rp150.000 sudah terbit. Jatuh tempo 20 Februari 2026."
        " Silakan bayar di loket LKT01.",
        "Tagihan dan cara bayar: https://billing.isp.id/tagihan/abc",
        "",
        "Sejati Net",
    ]


async def test_texts_of_ones_own(plugin: Plugin) -> None:
    async with Receiver() as receiver:
        async with plugin.running(whatsapp_url=receiver.url, templates={"payment": "$$ $name: ${amount}!"}) as running:
            running.take(event(1))
            await until(lambda: receiver.requests)
    assert receiver.requests[0].form["message"] == "$ Budi: Rp50.000!"


async def test_what_is_too_old_is_dropped(plugin: Plugin) -> None:
    async with Receiver(decide=lambda _: Answer(500)) as receiver, plugin.running(webhook_urls=(receiver.url,)) as running:
        assert running.take(event(1, at=NOW - timedelta(hours=25))) == 0
        assert running.take(event(2, at=NOW - timedelta(hours=23))) == 1
        await until(running.queue.held)
        plugin.now += timedelta(hours=25)
        await until(lambda: running.queue.count("DEAD") == 1)
    assert {request.headers["sebilling-event"] for request in receiver.requests} == {"2"}


async def test_the_queue_is_bounded_and_refuses_rather_than_forgets(plugin: Plugin) -> None:
    async with plugin.running(webhook_urls=("http://127.0.0.1:1",), max_waiting=3) as running:
        for number in range(3):
            running.take(event(number))
        with pytest.raises(QueueFull, match="MAX_WAITING"):
            running.take(event(3))
        assert running.take(event(2)) == 0, "what it has already is no more"
        assert running.queue.count() == 3


async def test_what_waits_survives_a_kill_and_its_file_is_private(plugin: Plugin) -> None:
    program = (
        "import datetime, os, pathlib, signal, sys\nfrom sebilling_notify.queue import New, Queue\n"
        "queue = Queue(pathlib.Path(sys.argv[1]), most=10, clock=lambda: datetime.datetime.fromisoformat(sys.argv[3]))\n"
        "queue.put([New('webhook 1', sys.argv[2], '1', '{}')])\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    async with Receiver() as receiver:
        arguments = (str(plugin.queue_file), f"webhook {receiver.url}", NOW.isoformat())
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, *arguments)
        assert await process.wait() == -signal.SIGKILL
        assert stat.S_IMODE(plugin.queue_file.stat().st_mode) == 0o600
        async with plugin.running(webhook_urls=(receiver.url,)) as running:
            await until(lambda: running.queue.count("SENT") == 1)
    assert len(receiver.requests) == 1


async def test_of_two_processes_on_one_file_one_sends(plugin: Plugin) -> None:
    async with Receiver() as receiver, plugin.running(webhook_urls=(receiver.url,)) as one:
        await asyncio.sleep(0.05)
        async with plugin.running(webhook_urls=(receiver.url,)) as other:
            for number in range(50):
                (one, other)[number % 2].take(event(number))
            await until(lambda: one.queue.count("SENT") == 50)
    assert [request.headers["sebilling-event"] for request in receiver.requests] == [str(number) for number in range(50)]


async def test_keys_are_forgotten_after_a_month_and_names_at_once(tmp_path: Path) -> None:
    now = [NOW]
    queue = Queue(tmp_path / "queue", most=10, clock=lambda: now[0])
    queue.put([New("k", "lane", PHONE, "Budi")])
    message = queue.next("lane", in_order=True)
    assert message is not None
    queue.sent(message)
    assert PHONE.encode() not in (row := repr(queue._file.execute("SELECT * FROM message").fetchall())).encode()
    assert "Budi" not in row
    now[0] += timedelta(days=29)
    queue.forget_old()
    assert queue.put([New("k", "lane", PHONE, "Budi")]) == 0
    now[0] += timedelta(days=2)
    queue.forget_old()
    assert queue.put([New("k", "lane", PHONE, "Budi")]) == 1
    queue.close()
