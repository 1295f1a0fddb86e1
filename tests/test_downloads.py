"""Signed addresses: what they give, to whom, for how long, and that nobody can make or bend one."""

import asyncio
import base64
import csv
import io
import os
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pikepdf
import pytest
from sqlalchemy import text

from sebilling import keys, report_downloads
from sebilling.access_errors import TooManyReports
from sebilling.actor import EVERYWHERE, Role
from sebilling.auth import links
from sebilling.billing.reports import Report
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.db.state import DatabaseNotReady, DatabaseState
from sebilling.downloads import MAX_PAPERS_OF_A_USER
from sebilling.errors import LinkInUse, ReportsBusy
from sebilling.printing.report_files import report_file
from sebilling.printing.report_job import Job
from sebilling.printing.report_runner import report_process
from sebilling.report_downloads import ReportSlots
from tests.harness import NOW, SECRET_KEY, Api, Isp, make_user

RECEIPT = "query($id: ID!, $paper: Paper!) { receiptLink(paymentId: $id, paper: $paper) { url expiresAt } }"
INVOICE = "query($id: ID!) { invoiceLink(invoiceId: $id) { url expiresAt } }"
PROOF = "query($id: ID!) { proofLink(depositId: $id) { url } }"
REPORT = "query($r: Report!, $m: Month!, $f: ReportFormat!) { reportLink(report: $r, month: $m, format: $f) { url } }"
INVOICES = (
    "query($month: Month!, $run: ID, $counters: [ID!], $unpaid: Boolean!)"
    " { invoicesLink(month: $month, runId: $run, counterIds: $counters, unpaidOnly: $unpaid) { url } }"
)
KEY = keys.derived(SECRET_KEY)


class Office(Api):
    """An ISP with an invoice and a payment at each of two counters; an admin, and a clerk of LKT01."""

    isp: Isp
    clerk_id: int
    payments: dict[str, str]
    invoices: dict[str, str]

    @classmethod
    async def made(cls, database: Database, **settings: Any) -> "Office":
        """Signed in as the admin."""
        api = cls(database, **settings)
        api.isp = await Isp.make(database, "LKT01", "LKT02")
        await api.isp.open()
        api.payments, api.invoices = {}, {}
        paying = {code: await api.isp.customer(name=f"Budi {code}", counter=code) for code in ("LKT01", "LKT02")}
        await api.isp.generate()
        for code, customer_id in paying.items():
            api.payments[code] = f"pay_{(await api.isp.pay(customer_id, 100_000)).payment_id}"
            api.invoices[code] = f"inv_{await api.isp.value('SELECT id FROM invoice WHERE customer_id = :id', id=customer_id)}"
        async with api.isp.write() as session:
            api.clerk_id = await make_user(session, "kasir", Role.CLERK, "LKT01")
        await api.sign_in()
        return api

    async def link(self, document: str, **variables: Any) -> str:
        """The address."""
        return str((await self.ask(document, **variables))["url"])

    async def get(self, url: str) -> httpx.Response:
        """What lies there, without a token."""
        return await self.http.get(url)

    async def change(self, sql: str, **parameters: Any) -> None:
        """Behind everyone's back."""
        async with self.isp.write() as session:
            await session.execute(text(sql), parameters)


def lines(response: httpx.Response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"), newline=""), delimiter=";"))


PDF_POLICY = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"


def safe(response: httpx.Response) -> bool:
    """Whether it carries every header that a stranger's file needs; a PDF may be framed by our own pages."""
    is_pdf = response.headers["content-type"] == "application/pdf"
    begin, framed = (PDF_POLICY, "SAMEORIGIN") if is_pdf else ("sandbox; default-src 'none'", "DENY")
    return (
        response.headers["content-security-policy"].startswith(begin)
        and response.headers["x-frame-options"] == framed
        and response.headers["x-content-type-options"] == "nosniff"
        and response.headers["cache-control"] == "private, no-store"
        and response.headers["referrer-policy"] == "no-referrer"
    )


async def test_papers_come_as_pdf(database: Database) -> None:
    api = await Office.made(database)
    urls = [await api.link(RECEIPT, id=api.payments["LKT01"], paper=paper) for paper in ("MM58", "MM80", "A5")]
    urls.append(await api.link(INVOICE, id=api.invoices["LKT01"]))
    widths = []
    for url in urls:
        answer = await api.get(url)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
        assert safe(answer)
        assert re.fullmatch(r'inline; filename="(KW|INV)-2026-02-LKT01-000001\.pdf"', answer.headers["content-disposition"])
        with pikepdf.open(io.BytesIO(answer.content)) as paper:
            widths.append(round(float(paper.pages[0].mediabox[2]) / 72 * 25.4))
    assert widths == [58, 80, 148, 148]


async def test_reports_come_as_csv_and_xlsx(committed: Database) -> None:
    api = await Office.made(committed)
    for report, count in (("INVOICES", 3), ("PAYMENTS", 3), ("DEPOSITS", 1), ("JOURNAL", 7), ("RECAP", 4)):
        answer = await api.get(await api.link(REPORT, r=report, m="2026-02", f="CSV"))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
        assert safe(answer)
        assert answer.headers["content-disposition"] == f'attachment; filename="{report.lower()}-2026-02.csv"'
        assert len(lines(answer)) == count, report
        book = await api.get(await api.link(REPORT, r=report, m="2026-02", f="XLSX"))
        assert (book.status_code, book.headers["content-type"]) == (200, report_downloads._XLSX)
        assert safe(book)
        assert book.headers["content-disposition"] == f'attachment; filename="{report.lower()}-2026-02.xlsx"'
        with zipfile.ZipFile(io.BytesIO(book.content)) as opened:
            assert opened.testzip() is None


def numbers_in(response: httpx.Response) -> list[str]:
    """Title of each invoice of a PDF, in order; it is safe to show."""
    assert (response.status_code, response.headers["content-type"]) == (200, "application/pdf"), response.text
    assert safe(response)
    with pikepdf.open(io.BytesIO(response.content)) as book:
        drawn = [
            bytes(one.operands[0]).decode("cp1252")
            for page in book.pages
            for one in pikepdf.parse_content_stream(page)
            if str(one.operator) == "Tj"
        ]
        assert len(book.pages) == drawn.count("TAGIHAN")
    return [line for line in drawn if line.startswith("INV/")]


async def test_the_invoices_of_a_month_come_as_one_pdf(committed: Database) -> None:
    """By counter and number; those of a run, of a counter, or unpaid ones; without voided ones, and as the caller may see them."""
    api = await Office.made(committed)
    third = await api.isp.customer(name="Cici", counter="LKT01")
    await api.isp.generate(key="second run")
    await api.isp.pay(third, 150_000)
    (run,) = [f"run_{one[0]}" for one in await api.isp.rows("SELECT max(id) FROM generation_run")]
    given = {"month": "2026-02", "run": None, "counters": None, "unpaid": False}
    first, second, third_number = "INV/2026-02/LKT01/000001", "INV/2026-02/LKT02/000001", "INV/2026-02/LKT01/000002"
    other = f"cou_{api.isp.counters['LKT02']}"
    for changes, numbers in (
        ({}, [first, third_number, second]),
        ({"run": run}, [third_number]),
        ({"unpaid": True}, [first, second]),
        ({"counters": [other]}, [second]),
    ):
        answer = await api.get(await api.link(INVOICES, **given | changes))
        assert numbers_in(answer) == numbers, changes
        assert answer.headers["content-disposition"] == 'inline; filename="tagihan-2026-02.pdf"'
    for wrong in ({"month": "2026-01"}, {"run": run, "unpaid": True}, {"month": "2025-12"}):
        assert await api.top_error(INVOICES, **{**given, **wrong}) == "NOT_FOUND"
    await api.sign_in("kasir")
    url = await api.link(INVOICES, **given)
    assert numbers_in(await api.get(url)) == [first, third_number]
    assert await api.top_error(INVOICES, **given | {"counters": [other]}) == "NOT_FOUND"
    await api.change("UPDATE app_user SET active = false WHERE id = :user", user=api.clerk_id)
    assert (await api.get(url)).status_code == 404


async def test_what_cannot_be_reported_is_a_status_and_no_torn_file(committed: Database) -> None:
    api = await Office.made(committed)
    answer = await api.get(await api.link(REPORT, r="RECAP", m="2026-03", f="XLSX"))
    assert answer.status_code == 404
    assert "2026-03" in answer.json()["error"]
    assert safe(answer)
    assert len(lines(await api.get(await api.link(REPORT, r="INVOICES", m="2026-03", f="CSV")))) == 1


async def test_a_byte_changed_anywhere_and_the_address_is_none(database: Database) -> None:
    api = await Office.made(database)
    url = await api.link(RECEIPT, id=api.payments["LKT01"], paper="MM58")
    start, _, token = url.rpartition("/")
    assert (await api.get(url)).status_code == 200
    for place, letter in enumerate(token):
        for other in ("A" if letter != "A" else "B", chr(ord(letter) ^ 1)):
            if other.isalnum() or other in "-_.":
                answer = await api.get(f"{start}/{token[:place]}{other}{token[place + 1 :]}")
                assert answer.status_code == 404, place
    for bent in (token[:-1], f"{token}=", f"{token}A", f"{token}.", token.replace(".", "..", 1), token.upper(), token[1:], f"{token}%00"):
        answer = await api.get(f"{start}/{bent}")
        assert answer.status_code == 404, bent
        assert safe(answer)


def test_there_is_only_one_spelling_of_a_token() -> None:
    token = links.sign(links.Link("receipt", {"payment": 1, "paper": "A5"}, 1), key=KEY, at=NOW)
    assert links.read(token, key=KEY, at=NOW) == links.Link("receipt", {"payment": 1, "paper": "A5"}, 1)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/="
    for place in (token.index(".") - 1, len(token) - 1):  # where base64 leaves bits unused
        good = [one for one in letters if links.read(f"{token[:place]}{one}{token[place + 1 :]}", key=KEY, at=NOW) is not None]
        assert good == [token[place]]


def test_a_token_of_another_key_is_none() -> None:
    link = links.Link("receipt", {"payment": 1, "paper": "A5"}, 1)
    assert links.read(links.sign(link, key=keys.derived("another"), at=NOW), key=KEY, at=NOW) is None


@pytest.mark.parametrize(
    "token",
    ["x" * 10_000, "." * 10_000, "x" * 5_000 + "." + "x" * 5_000, ".", "a.b", "é" * 3_000, "%ff%fe.%00", "==.==", "..%2f..%2fetc%2fpasswd",
     "W10.W10", "\N{GRINNING FACE}." * 1_000, "%"],
)  # fmt: skip
async def test_garbage_is_answered_404(database: Database, token: str) -> None:
    answer = await Api(database).http.get(f"/downloads/{token}")
    assert answer.status_code == 404


async def test_a_body_without_its_signature_is_none(database: Database) -> None:
    api = await Office.made(database)
    body = base64.urlsafe_b64encode(orjson.dumps(["receipt", {"payment": 1, "paper": "A5"}, 1, 9_999_999_999])).decode().rstrip("=")
    for token in (body, f"{body}.", f"{body}.{body}", f".{body}"):
        assert (await api.get(f"/downloads/{token}")).status_code == 404


async def test_an_address_lives_five_minutes(database: Database) -> None:
    api = await Office.made(database)
    link = await api.ask(INVOICE, id=api.invoices["LKT01"])
    assert link["expiresAt"] == "2026-02-03T02:05:00.000Z"
    api.now = NOW + links.LIFETIME - timedelta(seconds=1)
    assert (await api.get(link["url"])).status_code == 200
    api.now = NOW + links.LIFETIME
    gone = await api.get(link["url"])
    assert gone.status_code == 404
    assert "request a new one" in gone.json()["error"]


async def test_an_address_asks_again_whether_its_user_may(committed: Database) -> None:
    api = await Office.made(committed)
    await api.sign_in("kasir")
    receipt = await api.link(RECEIPT, id=api.payments["LKT01"], paper="MM58")
    invoice = await api.link(INVOICE, id=api.invoices["LKT01"])
    report = await api.link(REPORT, r="PAYMENTS", m="2026-02", f="CSV")
    assert [row[2] for row in lines(await api.get(report))] == ["Loket", "LKT01"]

    await api.change(
        "UPDATE user_counter SET counter_id = :other WHERE user_id = :user", other=api.isp.counters["LKT02"], user=api.clerk_id
    )
    assert (await api.get(receipt)).status_code == 404
    assert (await api.get(invoice)).status_code == 404
    assert [row[2] for row in lines(await api.get(report))] == ["Loket", "LKT02"], "what they may see now"

    await api.change("UPDATE user_counter SET counter_id = :old WHERE user_id = :user", old=api.isp.counters["LKT01"], user=api.clerk_id)
    assert (await api.get(receipt)).status_code == 200
    await api.change("UPDATE app_user SET role = 'TECHNICIAN' WHERE id = :user", user=api.clerk_id)
    assert {(await api.get(url)).status_code for url in (receipt, invoice, report)} == {404}
    await api.change("UPDATE app_user SET role = 'CLERK', active = false WHERE id = :user", user=api.clerk_id)
    assert {(await api.get(url)).status_code for url in (receipt, invoice, report)} == {404}


async def test_a_clerk_gets_no_address_of_another_counter(database: Database) -> None:
    api = await Office.made(database)
    await api.sign_in("kasir")
    assert await api.top_error(RECEIPT, id=api.payments["LKT02"], paper="MM58") == "NOT_FOUND"
    assert await api.top_error(INVOICE, id=api.invoices["LKT02"]) == "NOT_FOUND"
    assert await api.top_error("query($id: ID!) { receipt(paymentId: $id) { text32 } }", id=api.payments["LKT02"]) == "NOT_FOUND"
    assert await api.top_error(PROOF, id="dep_1") == "NOT_FOUND"
    assert await api.link(RECEIPT, id=api.payments["LKT01"], paper="MM58")


@pytest.mark.parametrize("role", Role)
async def test_who_may_ask_for_addresses(committed: Database, role: Role) -> None:
    api = await Office.made(committed)
    async with api.isp.write() as session:
        await make_user(session, "someone", role, *(["LKT01"] if role in {Role.CLERK, Role.COLLECTOR} else []))
    await api.sign_in("someone")
    if role is Role.TECHNICIAN:
        assert await api.top_error(REPORT, r="INVOICES", m="2026-02", f="CSV") == "FORBIDDEN"
        assert await api.top_error(INVOICE, id=api.invoices["LKT01"]) == "FORBIDDEN"
        return
    assert (await api.get(await api.link(INVOICE, id=api.invoices["LKT01"]))).status_code == 200
    report = lines(await api.get(await api.link(REPORT, r="RECAP", m="2026-02", f="CSV")))
    here = ["LKT01", "Total"] if role in {Role.CLERK, Role.COLLECTOR} else ["LKT01", "LKT02", "Total"]
    assert [row[0] for row in report] == ["Loket", *here]


async def test_an_address_is_for_reading_only(database: Database) -> None:
    api = await Office.made(database)
    url = await api.link(INVOICE, id=api.invoices["LKT01"])
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await api.http.request(method, url)).status_code == 405
    head = await api.http.head(url)
    assert (head.status_code, head.content) == (200, b"")


async def test_a_file_that_is_left_leaves_nothing(committed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    await Office.made(committed)
    for is_csv in (True, False):
        async with report_file(committed, Report.INVOICES, Month(2026, 2), scope=EVERYWHERE, is_csv=is_csv) as path:
            assert path.stat().st_size > 0
            assert len(os.listdir(tmp_path)) == 1  # noqa: PTH208 - pathlib's is refused in coroutines
            assert committed.read_engine.pool.checkedout() == 0, "the snapshot is over"  # type: ignore[attr-defined]
        assert os.listdir(tmp_path) == []  # noqa: PTH208 - as above


async def test_a_report_leaves_no_file_and_no_process(committed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    api = await Office.made(committed)
    for format in ("CSV", "XLSX"):  # noqa: A001 - the argument's name
        assert (await api.get(await api.link(REPORT, r="INVOICES", m="2026-02", f=format))).status_code == 200
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib's is refused in coroutines
    assert await api.isp.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sebilling report'") == 0


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [("gzip", "gzip"), ("br, gzip;q=0.5, *;q=0.1", "gzip"), ("gzip;q=0", None), ("identity, gzip;q=0.5", None), ("", None), ("br", None)],
)
async def test_a_csv_is_compressed_for_who_prefers_that(committed: Database, accept: str, encoding: str | None) -> None:
    api = await Office.made(committed)
    answer = await api.http.get(await api.link(REPORT, r="INVOICES", m="2026-02", f="CSV"), headers={"Accept-Encoding": accept})
    assert answer.status_code == 200
    assert answer.headers.get("content-encoding") == encoding
    assert len(lines(answer)) >= 3


async def test_a_pdf_may_be_framed_by_the_web_app_too(database: Database) -> None:
    api = await Office.made(database, allowed_origins="https://app.isp.id")
    answer = await api.get(await api.link(INVOICE, id=api.invoices["LKT01"]))
    assert answer.headers["content-security-policy"] == f"{PDF_POLICY} https://app.isp.id"


async def test_an_address_asked_for_its_headers_makes_no_report(committed: Database) -> None:
    api = await Office.made(committed)
    head = await api.http.head(await api.link(REPORT, r="RECAP", m="2026-03", f="CSV"))
    assert (head.status_code, head.content) == (200, b"")


def test_slots_of_reports_are_one_per_address_and_leave_room_for_another_user() -> None:
    slots = ReportSlots(3)
    with slots.slot("a", 1), slots.slot("b", 1):
        with pytest.raises(LinkInUse), slots.slot("a", 2):
            pass
        with pytest.raises(TooManyReports, match="already downloading 2 reports"), slots.slot("c", 1):
            pass
        with slots.slot("c", 2), pytest.raises(ReportsBusy, match="3 reports"), slots.slot("d", 3):
            pass
        with slots.slot("d", 3):
            pass
    with slots.slot("a", 1), slots.slot("c", 1):
        pass
    with ReportSlots(1).slot("a", 1):
        pass


async def test_papers_of_a_user_are_bounded(database: Database) -> None:
    api = await Office.made(database)
    url = await api.link(INVOICE, id=api.invoices["LKT01"])
    answers = await asyncio.gather(*(api.http.get(url, headers={"Accept-Language": "id"}) for _ in range(MAX_PAPERS_OF_A_USER + 5)))
    refused = [one for one in answers if one.status_code == 429]
    assert {one.status_code for one in answers} == {200, 429}
    assert len(refused) <= 5
    assert refused[0].json()["code"] == "TOO_MANY_REQUESTS"
    assert refused[0].json()["error"].startswith(f"{MAX_PAPERS_OF_A_USER} permintaan Anda")
    assert int(refused[0].headers["retry-after"]) > 0
    assert (await api.get(url)).status_code == 200


async def test_a_reports_process_that_finds_no_database_tells_why() -> None:
    job = Job(
        url="postgresql+asyncpg://nobody@127.0.0.1:1/nothing", report="INVOICES", month="2026-02", counters=None, is_csv=True, seconds=10,
        folder="", log_level="ERROR", log_format="json",
    )  # fmt: skip
    async with report_process(job) as running:
        with pytest.raises(DatabaseNotReady) as refused:
            await running.ready()
    assert refused.value.state is DatabaseState.UNREACHABLE
    assert refused.value.message("id") == f"Basis data tidak bisa dipakai: {DatabaseState.UNREACHABLE.sentence.indonesian}"


async def test_the_database_is_away() -> None:
    token = links.sign(links.Link("report", {"report": "INVOICES", "month": "2026-02", "format": "CSV"}, 1), key=KEY, at=NOW)
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing", connections=2)
    answer = await Api(database).http.get(f"/downloads/{token}")
    assert answer.status_code == 503
    assert safe(answer)
    assert answer.headers["retry-after"]
    await database.close()
