"""The ISP's day on a computer that is set to another zone: an office's machine in UTC is in last month until seven in the morning."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, Request, expect

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


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Honolulu"])
async def test_the_time_of_an_event(browser: Browser, office: Office, zone: str) -> None:
    async with signed_in(browser, office, language="id", zone=zone) as context:
        page = await context.new_page()

        def is_asked(request: Request) -> bool:
            return "EventLog" in (request.post_data or "")

        async with page.expect_request(is_asked) as asked, page.expect_response(lambda answer: is_asked(answer.request)) as answered:
            await page.goto("/log?sampai=2099-11-30")
        sent = json.loads((await asked.value).post_data or "")
        assert sent["variables"]["filter"]["until"] == "2099-11-30T17:00:00.000Z", "midnight in Jakarta"
        newest = (await (await answered.value).json())["data"]["events"]["nodes"][0]
        at = datetime.fromisoformat(newest["at"]).astimezone(ZoneInfo("Asia/Jakarta"))
        await expect(page.get_by_role("row").nth(1)).to_contain_text(f"{at:%H.%M}")
