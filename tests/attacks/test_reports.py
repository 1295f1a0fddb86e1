"""Reports of a large month, fetched by many at once: payments, sign-ins and everything else go on meanwhile.

`SEBILLING_TEST_ATTACK_CUSTOMERS` is the size of the ISP: 15,000 in the ordinary run, 40,000 and more in a campaign.
"""

import asyncio
import contextlib
import csv
import io
import json
import os
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from sebilling.actor import Role
from sebilling.db.databases import create_database, drop_database
from sebilling.db.engine import Database
from tests.attacks.serving import OrdinaryWork, in_one_round, megabytes, slower, until
from tests.harness import SECRET_KEY, Isp, make_user
from tests.processes import HttpApi, ServerProcess, servers

ROOT = Path(__file__).parents[2]
CUSTOMERS = int(os.environ.get("SEBILLING_TEST_ATTACK_CUSTOMERS", "10000"))
LINK = 'query($r: Report!, $f: ReportFormat!) { reportLink(report: $r, month: "2026-02", format: $f) { url } }'
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'sebilling report'"
HASTY_SECONDS = 5


@dataclass
class Site:
    """A server with a large month, its admin, and a clerk who fetches reports."""

    isp: Isp
    server: ServerProcess
    hasty: ServerProcess
    """Gives reports little time."""
    customer_id: int


@pytest_asyncio.fixture(scope="session")
async def site(server_url: str, template: str) -> AsyncIterator[Site]:
    url = await create_database(server_url, "attacked_by_reports", template=template)
    database = Database(url, connections=5)
    isp = await Isp.make(database, "LKT01")
    await isp.many_customers(CUSTOMERS)
    await isp.open()
    await isp.generate()
    async with isp.write() as session:
        await make_user(session, "kasir", Role.CLERK, "LKT01")
    settings = {"SEBILLING_INLINE_WORKER": "false", "SEBILLING_SECRET_KEY": SECRET_KEY}
    with servers(url, 1, **settings) as (server,), servers(url, 1, **settings, SEBILLING_REPORT_SECONDS=str(HASTY_SECONDS)) as (hasty,):
        yield Site(isp, server, hasty, await isp.value("SELECT min(id) FROM customer"))
    await database.close()
    await drop_database(server_url, "attacked_by_reports")


@contextlib.asynccontextmanager
async def signed_in(site: Site, username: str) -> AsyncIterator[HttpApi]:
    """A client of this user."""
    api = HttpApi(site.server.address)
    try:
        await api.sign_in(username)
        yield api
    finally:
        await api.http.aclose()


async def link(api: HttpApi, report: str = "INVOICES", format: str = "CSV") -> str:  # noqa: A002 - the argument's name
    return str((await api.ask(LINK, r=report, f=format))["url"])


async def no_report_runs(site: Site, *, within_seconds: float = 15) -> None:
    """Wait until no report holds a connection, and then until the server has every slot free: who hung up early may still hold one."""

    async def no_connection() -> bool:
        return int(await site.isp.value(SESSIONS)) == 0

    async def three_at_once() -> bool:
        async with signed_in(site, "kasir") as clerk, signed_in(site, "admin") as admin:
            links = [(clerk, await link(clerk, "RECAP")), (clerk, await link(clerk, "DEPOSITS")), (admin, await link(admin, "RECAP"))]
            answers = await asyncio.gather(*(api.http.get(address) for api, address in links))
        return {answer.status_code for answer in answers} == {200}

    await until(no_connection, within_seconds=within_seconds)
    await until(three_at_once, within_seconds=15)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc to look into the server")  # noqa: PTH110 - before any test
async def test_payments_and_sign_ins_do_not_wait_for_reports(site: Site) -> None:
    await in_one_round(lambda: delays(site))


async def delays(site: Site) -> str:
    """What was slower than five times idle while one clerk asked for reports all the time; empty if nothing was."""
    async with signed_in(site, "admin") as admin, signed_in(site, "kasir") as clerk:
        work = OrdinaryWork(admin, "admin", site.customer_id)
        await work.medians(5)
        idle, before = await work.medians(15), megabytes(site.server)
        reports = ("INVOICES", "PAYMENTS", "JOURNAL", "DEPOSITS")
        urls = [site.server.address + await link(clerk, report, kind) for report in reports for kind in ("CSV", "XLSX")]
        greedy = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.attacks.greedy", "6", "16", *urls, stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        answered = asyncio.create_task(greedy.communicate())
        await asyncio.sleep(1.5)
        busy = await work.medians(20)
        most, ready = megabytes(site.server), await admin.http.get("/readyz")
        answers = Counter(json.loads((await answered)[0]))
    assert ready.status_code == 200
    assert answers.pop("unexplained", 0) == 0
    assert set(answers) <= {"200", "409", "429", "rows"}, answers
    assert max(most, megabytes(site.server)) - before < 50, "reports are made by processes of their own"
    await no_report_runs(site)
    if not {"200", "409", "429", "rows"} <= set(answers):
        return f"the greedy client, which yields to everything else, hardly ran: {answers}"
    return "" if all(busy[name] < 5 * idle[name] for name in idle) else slower(idle, busy)


async def test_a_report_is_whole_and_the_same_as_its_rows(site: Site) -> None:
    async with signed_in(site, "kasir") as clerk:
        answer = await clerk.http.get(await link(clerk))
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=";"))
    numbers = [row[0] for row in rows[1:]]
    assert numbers == [row[0] for row in await site.isp.rows("SELECT number FROM invoice ORDER BY counter_id, sequence")]


def slow_reader(server: ServerProcess, path: str) -> socket.socket:
    """Someone who asks for a report and takes next to nothing."""
    host, port = server.address.removeprefix("http://").split(":")
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect((host, int(port)))
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return reader


async def test_the_first_bytes_come_before_the_last_row_is_read_and_who_stalls_is_cut_off(site: Site) -> None:
    async with signed_in(site, "kasir") as clerk:
        url = await link(clerk, "JOURNAL")
    reader = slow_reader(site.hasty, url)
    try:
        first = await asyncio.to_thread(reader.recv, 2_000)
        assert first.startswith(b"HTTP/1.1 200")
        assert await site.isp.value(SESSIONS) == 1, "its snapshot is still being read"
        assert await site.isp.value(SESSIONS + " AND xact_start IS NOT NULL") == 1
        await no_report_runs(site, within_seconds=3 * HASTY_SECONDS)
    finally:
        reader.close()


async def test_who_goes_away_ends_the_query(site: Site) -> None:
    async def runs() -> bool:
        return int(await site.isp.value(SESSIONS)) > 0

    async with signed_in(site, "kasir") as clerk:
        for format in ("CSV", "XLSX"):  # noqa: A001 - the argument's name
            reader = slow_reader(site.server, await link(clerk, "JOURNAL", format))
            await until(runs, within_seconds=10)
            reader.close()
            await no_report_runs(site, within_seconds=4)


async def test_a_report_that_breaks_off_is_not_taken_for_a_whole_one(site: Site) -> None:
    async with signed_in(site, "kasir") as clerk:
        reader = slow_reader(site.server, await link(clerk, "JOURNAL"))
    try:
        assert (await asyncio.to_thread(reader.recv, 2_000)).startswith(b"HTTP/1.1 200")
        assert await site.isp.value(SESSIONS) == 1
        await site.isp.rows(SESSIONS.replace("count(*)", "pg_terminate_backend(pid)"))
        rest = await asyncio.to_thread(received, reader)
    finally:
        reader.close()
    assert not rest.endswith(b"0\r\n\r\n"), "the end of a whole answer"


def received(reader: socket.socket) -> bytes:
    """Everything to the end of the connection."""
    content = b""
    with contextlib.suppress(ConnectionError):  # reset: that is an end too
        while chunk := reader.recv(65_536):
            content = content[-100:] + chunk
    return content


async def test_an_address_in_use_and_too_many_reports_are_told_in_the_language_of_who_asks(site: Site) -> None:
    async with signed_in(site, "kasir") as clerk, signed_in(site, "admin") as admin:
        mine, readers = await link(clerk, "JOURNAL"), []
        try:
            readers.append(slow_reader(site.server, mine))
            await asyncio.to_thread(readers[0].recv, 100)
            used = await clerk.http.get(mine, headers={"Accept-Language": "id"})
            assert (used.status_code, used.headers["retry-after"]) == (409, "5")
            assert used.json() == {
                "error": "Laporan di alamat ini masih diunduh. Tunggu sampai selesai, atau minta alamat baru.",
                "code": "LINK_IN_USE",
            }
            readers.append(slow_reader(site.server, await link(clerk, "INVOICES")))
            await asyncio.to_thread(readers[1].recv, 100)
            again = await clerk.http.get(await link(clerk, "RECAP"))
            assert (again.status_code, again.json()["code"]) == (429, "TOO_MANY_REPORTS")
            assert "You are already downloading 2 reports" in again.json()["error"]
            readers.append(slow_reader(site.server, await link(admin, "JOURNAL")))
            await asyncio.to_thread(readers[2].recv, 100)
            busy = await admin.http.get(await link(admin, "RECAP"))
            assert (busy.status_code, busy.json()["code"], busy.headers["retry-after"]) == (503, "REPORTS_BUSY", "5")
        finally:
            for reader in readers:
                reader.close()
    await no_report_runs(site)


async def test_one_user_leaves_room_for_another(site: Site) -> None:
    async with signed_in(site, "kasir") as clerk, signed_in(site, "admin") as admin:
        reports = ("JOURNAL", "INVOICES", "PAYMENTS", "DEPOSITS")
        readers = [slow_reader(site.server, await link(clerk, report)) for report in reports]
        try:
            await asyncio.sleep(1)
            answer = await admin.http.get(await link(admin, "RECAP"))
            assert answer.status_code == 200
        finally:
            for reader in readers:
                reader.close()
    await no_report_runs(site)


async def test_a_report_that_cannot_be_made_is_a_status(site: Site) -> None:
    document = 'query { reportLink(report: RECAP, month: "2026-03", format: CSV) { url } }'
    async with signed_in(site, "kasir") as clerk:
        answer: httpx.Response = await clerk.http.get((await clerk.ask(document))["url"])
    assert answer.status_code == 404
    assert "2026-03" in answer.json()["error"]
