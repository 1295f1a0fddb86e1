"""Setujui and Tolak of mass blocks that were held, and Coba lagi in Log Isolir, in both languages."""

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import TextClause, text

from sebilling.actor import operator
from sebilling.clock import system_clock
from sebilling.db.engine import Database
from tests.web.test_month import picture
from tests.web.whole_app.conftest import Office, signed_in
from tests.web.words import TRIED, Words

_HELD = text("INSERT INTO isolation_hold (held_at, would_block, of_active) VALUES (now(), 57, 58)")
# As if the device had refused it, and was to be tried again only tomorrow.
_REFUSED = text(
    """
    UPDATE service_access SET actual = 'ABSENT', attempts = 7, next_at = now() + interval '1 day',
           error = '{"id": "Ditolak", "en": "Refused"}'
     WHERE id = (SELECT min(service_access.id) FROM service_access JOIN device ON device.id = device_id
                  WHERE device.name <> 'RB-Kedua' AND desired = 'ACTIVE' AND actual = 'ACTIVE')
    """
)


async def _happen(office: Office, what: TextClause) -> None:
    database = Database(office.database_url, connections=1)
    async with database.transaction(actor=operator("test"), at=system_clock()) as session:
        await session.execute(what)
    await database.close()


@pytest.mark.parametrize("language", TRIED)
async def test_a_hold_is_decided(browser: Browser, office: Office, language: str) -> None:
    words = Words(language)
    async with signed_in(browser, office, language=language) as context:
        page = await context.new_page()
        for button, outcome in (("reject", "hold_rejected"), ("approve", "hold_approved")):
            await _happen(office, _HELD)
            await _decide(page, words, button, outcome)


async def _decide(page: Page, words: Words, button: str, outcome: str) -> None:
    await page.goto("/rencana-isolir")
    hold = page.get_by_role("region", name=words("holds")).locator(".hold").first
    await expect(hold).to_contain_text(words("would_block", number=57, of=58))
    await expect(hold).to_contain_text(words("hold_waits"))
    await picture(page, f"isolir-{button}-{words.language}")
    await hold.get_by_role("button", name=words(button)).click()
    await expect(hold).to_contain_text(words(outcome))
    await expect(hold.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("language", TRIED)
async def test_what_failed_is_tried_again(browser: Browser, office: Office, language: str) -> None:
    words = Words(language)
    await _happen(office, _REFUSED)
    async with signed_in(browser, office, language=language) as context:
        page = await context.new_page()
        await page.goto("/log-isolir")
        differing = page.get_by_role("region", name=words("out_of_sync")).get_by_role("row").filter(has_text=words("tries", number=7))
        await expect(differing).to_contain_text("Ditolak" if language == "id" else "Refused")
        await picture(page, f"log-isolir-{language}")
        await differing.get_by_role("button").click()
        # The list is read again once it was asked for, which may be before the device has answered.
        await expect(differing).to_have_count(0)
        await page.get_by_role("button", name=words("refresh")).click()
        await expect(page.get_by_role("region", name=words("what_happened"))).to_contain_text(words("event_service_access_retried"))
