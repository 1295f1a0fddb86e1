"""The rest of a month's screen: a run that outlives the page, who was skipped and why, closing and opening again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import text

from sebilling.actor import operator
from sebilling.billing import generation, periods
from sebilling.clock import Month, system_clock
from sebilling.db.engine import Database
from tests.web.test_month import picture
from tests.web.whole_app.conftest import Office, signed_in
from tests.web.words import LANGUAGES, Words

# Generation takes this lock of each counter before it issues anything there.
_HOLD_UP = text("SELECT pg_advisory_xact_lock(1, id::int) FROM counter ORDER BY id")


@asynccontextmanager
async def _held_up(office: Office) -> AsyncIterator[None]:
    """Nothing is issued meanwhile."""
    database = Database(office.database_url, connections=1)
    async with database.transaction(actor=operator("test"), at=system_clock()) as session:
        await session.execute(_HOLD_UP)
        yield
    await database.close()


# As if it couldn't issue anything, and was to be tried again only tomorrow.
_FAIL = text(
    "UPDATE generation_run SET attempts = 3, error = 'INTERNAL', error_reference = 'abc123', next_at = now() + interval '1 day'"
    " WHERE id = :id"
)


async def _open(office: Office, month: Month) -> None:
    """Open a month, in which a run fails."""
    database = Database(office.database_url, connections=1)
    async with database.transaction(actor=operator("test"), at=system_clock()) as session:
        await periods.open_period(session, month, confirm=True)
        run = await generation.start(session, month, key=f"fails-{month}")
        await session.execute(_FAIL, {"id": run.run_id})
    await database.close()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_month_is_generated_and_closed(browser: Browser, office: Office, language: str) -> None:
    words, month = Words(language), office.month.plus(2 + LANGUAGES.index(language))
    await _open(office, month)
    async with signed_in(browser, office, language=language) as context:
        page = await context.new_page()
        await page.goto(f"/invoice/{month}")
        await _stop_what_fails(page, words)
        await _generate_and_reload(page, office, words)
        await _see_who_was_skipped(page, words)
        await _print(page, words)
        await _close(page, words)
        await _reopen(page, words)


async def _stop_what_fails(page: Page, words: Words) -> None:
    dialog, runs = page.get_by_role("dialog"), page.get_by_role("region", name=words("runs"))
    await expect(runs).to_contain_text(words("run_failing"))
    await expect(runs).to_contain_text("abc123")
    await runs.get_by_role("button", name=words("abandon_run")).click()
    await expect(dialog).to_contain_text(words("change_abandoned", invoices=0))
    await dialog.get_by_label(words("reason")).fill("Salah bulan")
    await dialog.get_by_role("button", name=words("abandon_run")).click()
    await expect(runs.get_by_role("row", name=words("run_abandoned"))).to_contain_text("Salah bulan")


async def _generate_and_reload(page: Page, office: Office, words: Words) -> None:
    """The page is loaded again while the run goes on: it finds the run, and shows how it ends."""
    dialog, runs = page.get_by_role("dialog"), page.get_by_role("region", name=words("runs"))
    async with _held_up(office):
        await page.get_by_role("button", name=words("generate"), exact=True).first.click()
        async with page.expect_request(lambda request: "generateInvoices" in (request.post_data or "")):
            await dialog.get_by_role("button", name=words("generate_now")).click()
        await _is_running(office)
        await page.reload()
        await expect(runs).to_contain_text(words("run_running"))
        await expect(runs.get_by_role("progressbar")).to_be_visible()
        await picture(page, f"bulan-1-berjalan-{words.language}")
    await expect(runs.get_by_role("row", name=words("run_finished"))).to_contain_text("Rp")
    await expect(runs.get_by_role("progressbar")).to_have_count(0)


async def _is_running(office: Office) -> None:
    """Return once the run is in the database, which the page can't tell: its request isn't answered yet."""
    database = Database(office.database_url, connections=1)
    for _ in range(1000):
        async with database.reading() as session:
            if await session.value(text("SELECT count(*) FROM generation_run WHERE finished_at IS NULL"), {}, kind=int):
                break
    await database.close()


async def _see_who_was_skipped(page: Page, words: Words) -> None:
    """Each by name, with their page."""
    skipped = page.get_by_role("region", name=words("skipped"))
    await skipped.get_by_role("button", name=words("who_is_skipped")).click()
    inactive = skipped.locator("details", has_text=words("skip_inactive"))
    await inactive.locator("summary").click()
    await picture(page, f"bulan-2-dilewati-{words.language}")
    name = await inactive.get_by_role("link").first.inner_text()
    await inactive.get_by_role("link").first.click()
    await expect(page.get_by_role("heading", name=name)).to_be_visible()
    await page.go_back()


async def _print(page: Page, words: Words) -> None:
    """The month's invoices, and those of its run, each open as one PDF in a tab of its own."""
    dialog, runs = page.get_by_role("dialog"), page.get_by_role("region", name=words("runs"))
    async with page.context.expect_event("response", lambda answer: "/downloads/" in answer.url) as printed:
        await runs.get_by_role("button", name=words("print_run")).first.click()
    assert (await (await printed.value).header_value("content-type")) == "application/pdf"
    await page.get_by_role("button", name=words("print_invoices"), exact=True).click()
    await picture(page, f"bulan-2-cetak-{words.language}")
    async with page.context.expect_event("response", lambda answer: "/downloads/" in answer.url) as printed:
        await dialog.get_by_role("button", name=words("open_pdf")).click()
    assert (await printed.value).status == 200
    await page.keyboard.press("Escape")


async def _close(page: Page, words: Words) -> None:
    """What is left undone is told by counter; it is closed only if somebody says that this is meant."""
    dialog, closing = page.get_by_role("dialog"), page.get_by_role("region", name=words("closing"))
    await closing.get_by_role("button", name=words("close_period")).click()
    await expect(dialog.get_by_role("row", name=words("gap_deposits_waiting"))).to_contain_text("Rp")
    await expect(dialog.get_by_role("button", name=words("close_period"))).to_be_disabled()
    await dialog.get_by_label(words("close_anyway")).check()
    await picture(page, f"bulan-3-tutup-{words.language}")
    await dialog.get_by_role("button", name=words("close_period")).click()
    await expect(closing).to_contain_text(words("incomplete"))
    await expect(page.get_by_role("heading", level=1)).to_contain_text(words("period_closed"))
    await expect(page.get_by_role("button", name=words("generate"))).to_have_count(0)


async def _reopen(page: Page, words: Words) -> None:
    dialog, closing = page.get_by_role("dialog"), page.get_by_role("region", name=words("closing"))
    await closing.get_by_role("button", name=words("reopen_period")).click()
    await dialog.get_by_label(words("reason")).fill("Satu pelanggan terlewat")
    await dialog.get_by_role("button", name=words("reopen_period")).click()
    await expect(closing).to_contain_text("Satu pelanggan terlewat")
    await expect(page.get_by_role("heading", level=1)).to_contain_text(words("period_open"))
