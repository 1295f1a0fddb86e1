"""The ISP's day on a computer that is set to another zone: an office's machine in UTC is in last month until seven in the morning."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, expect

from tests.web.whole_app.conftest import Office, signed_in
from tests.web.words import Words

TURN = datetime(2026, 11, 30, 18, tzinfo=UTC)
"""One o'clock on the first of December by a clock in Jakarta."""


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Honolulu"])
async def test_the_months_turn(browser: Browser, office: Office, zone: str) -> None:
    words = Words("id")
    async with signed_in(browser, office, language="id", zone=zone) as context:
        page = await context.new_page()
        await page.clock.set_fixed_time(TURN)
        await page.goto("/laporan")
        await expect(page.get_by_label(words("month"))).to_have_value("2026-12")
        await page.goto("/pelanggan")
        await page.get_by_role("button", name=words("add_customer")).click()
        await expect(page.get_by_role("dialog").get_by_label(words("installed"))).to_have_value("2026-12-01")
