"""Whatever people or devices write is shown as text, no screen asks another server, and no text of the server's is without a name."""

import json
import re
from collections import Counter
from typing import Any, Final

from playwright.async_api import Browser, Page, expect
from sqlalchemy import text

from sebilling.actor import operator
from sebilling.clock import system_clock
from sebilling.db.engine import Database
from sebilling.events import KINDS
from tests.web.conftest import Complaints
from tests.web.whole_app.conftest import Office, signed_in
from tests.web.whole_app.screens import ROOT, addresses, shown

_TRY: Final = "<img src=x onerror=alert(1)>"
_LINK: Final = "javascript:alert(2)"
_SVG: Final = "<svg/onload=alert(3)>{{7*7}}"
_WRITES: Final = (
    ("updateCustomer", {"id": "cus_1", "name": _TRY, "address": _LINK, "phone": ""}),
    ("updatePlan", {"id": "pla_1", "name": _TRY}),
    ("updateCounter", {"id": "cou_1", "name": _SVG}),
    ("updateUser", {"id": "usr_3", "name": _TRY}),
    ("updateDevice", {"id": "dev_1", "name": _TRY}),
    ("updateBillingSettings", {"companyName": _TRY, "companyAddress": _SVG, "receiptFooter": _LINK}),
    ("addBlackoutDate", {"day": "2027-03-10", "reason": _TRY}),
    ("blockCustomer", {"customerId": "cus_2", "reason": _TRY}),
)
"""What is written with each mutation."""
_SHOWN: Final = frozenset(
    (
        "/pelanggan",
        "/pelanggan/cus_1",
        "/pengaturan/paket",
        "/pengaturan/pengguna",
        "/pengaturan/isolir",
        "/perangkat",
        "/perangkat/dev_1",
        "/log",
    )
)
"""Screens on which some of it stands."""
_DEVICE_SAYS: Final = text("UPDATE service_access SET error = CAST(:said AS jsonb) WHERE id = (SELECT min(id) FROM service_access)")


def test_every_kind_of_event_has_a_name() -> None:
    page = (ROOT / "web" / "src" / "admin" / "log" / "names.ts").read_text(encoding="utf-8")
    assert set(re.findall(r"^  '([\w.]+)':", page, re.MULTILINE)) == set(KINDS)


def test_no_text_stands_in_two_areas() -> None:
    """The later one would be shown for both."""
    names = [
        name
        for file in (ROOT / "web" / "messages").rglob("id.json")
        for name in json.loads(file.read_text(encoding="utf-8"))
        if not name.startswith("$")
    ]
    assert [name for name, number in Counter(names).items() if number > 1] == []


async def _write(page: Page, name: str, given: dict[str, Any]) -> None:
    document = f"mutation($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ errors {{ message }} }} }}"
    answer = await page.context.request.post(
        "/graphql",
        data=json.dumps({"query": document, "variables": {"input": given}}),
        headers={"GraphQL-Require-Preflight": "1", "Content-Type": "application/json"},
    )
    data = await answer.json()
    assert data.get("errors") is None, data
    assert data["data"][name]["errors"] == [], data


async def test_what_looks_like_code_is_shown_as_text(browser: Browser, office: Office) -> None:
    complaints = Complaints(office.address)
    dialogs: list[str] = []
    async with signed_in(browser, office) as context:
        page = await context.new_page()
        complaints.listen(page)
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        for name, given in _WRITES:
            await _write(page, name, given)
        await _let_a_device_say(office)
        where: dict[str, bool] = {}
        for address in addresses(str(office.month)):
            await page.goto(address)
            await shown(page)
            where[address] = _TRY in await page.locator("main").inner_text()
            assert await page.locator("main img[src=x], main svg[onload], a[href^='javascript:']").count() == 0, address
        assert {address for address, has in where.items() if has} >= _SHOWN
        await page.keyboard.press("Control+k")
        await page.get_by_role("dialog").get_by_role("combobox").fill("img")
        await expect(page.get_by_role("option").filter(has_text=_TRY).first).to_be_visible()
    assert dialogs == []
    assert complaints.heard == []


async def _let_a_device_say(office: Office) -> None:
    """What a device answered is no text of ours either."""
    database = Database(office.database_url, connections=2)
    async with database.transaction(actor=operator("test"), at=system_clock()) as session:
        await session.execute(_DEVICE_SAYS, {"said": json.dumps({"en": _TRY, "id": _TRY})})
    await database.close()
