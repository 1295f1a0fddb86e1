"""Menu and buttons are what the server allows: walking every link and pressing every button, no role is ever refused.

Single fields that a role may not read come as null in answers that are otherwise complete: that is no refusal (docs/web.md).
"""

import json
import re
from typing import Final

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from sebilling.actor import Role
from tests.web.whole_app.conftest import EVERYTHING, Office, signed_in
from tests.web.whole_app.screens import ROOT, answer_no_mutation, buttons, named, shown

_MENU: Final = re.findall(
    r"href: p\('([^']+)'\), label: [\w.]+, needs: '(\w+)'",
    (ROOT / "web" / "src" / "admin" / "menu.ts").read_text(encoding="utf-8").partition("furtherScreens")[0],
)
_BUTTONS: Final = {
    "Tambah Invoice": "OPEN_PERIOD", "Buat Pembayaran": "GENERATE_INVOICES", "Verifikasi": "VERIFY_DEPOSIT", "Bayar": "RECORD_PAYMENT",
    "Tambah Perangkat": "CREATE_DEVICE", "Tes koneksi": "TEST_DEVICE", "Tambah Paket": "CREATE_PLAN", "Tambah Loket": "CREATE_COUNTER",
    "Tambah Pengguna": "CREATE_USER", "Atur ulang": "RESET_PASSWORD", "Tambah hari": "ADD_BLACKOUT_DATE",
    "Jalankan sekarang": "RUN_ISOLATION", "Simpan": "UPDATE_BILLING_SETTINGS", "Tutup periode": "CLOSE_PERIOD",
    "Audit sekarang": "AUDIT_DEVICE", "Lihat yang online": "READ_ONLINE", "Tambah biaya": "ADD_CHARGE", "Tambah diskon": "ADD_DISCOUNT",
}  # fmt: skip
"""Buttons and what they need."""


async def permissions(context: BrowserContext) -> set[str]:
    answer = await context.request.post("/graphql", data={"query": "{ me { permissions } }"}, headers={"GraphQL-Require-Preflight": "1"})
    return set((await answer.json())["data"]["me"]["permissions"])


_ROLES: Final = list(Role) if EVERYTHING else [Role.CLERK]
"""Everybody's walk takes minutes, and is for campaigns; a clerk has most screens of those who are limited."""


@pytest.mark.parametrize("role", _ROLES, ids=lambda role: str(role.value))
async def test_no_role_meets_a_refusal(browser: Browser, office: Office, role: Role) -> None:
    forbidden: set[str] = set()
    pressed: set[str] = set()
    async with signed_in(browser, office, role) as context:
        allowed = await permissions(context)
        page = await context.new_page()
        await answer_no_mutation(page, forbidden)
        await page.goto("/")
        await shown(page)
        menu = [await link.get_attribute("href") for link in await page.locator("#menu nav a").all()]
        assert menu == [href for href, needed in _MENU if needed in allowed]
        waiting = ["/", "/akun", *(href for href in menu if href)]
        seen: set[str] = set()
        while waiting:
            address = waiting.pop(0)
            kind = re.sub(r"/(\w+_\d+|\d{4}-\d\d)(?=/|$)", "/:id", address.partition("?")[0])
            if kind in seen or address.startswith("/downloads"):
                continue
            seen.add(kind)
            await page.goto(address)
            await shown(page)
            waiting += [str(await link.get_attribute("href")) for link in await page.locator("main a[href^='/']").all()]
            pressed |= {name.strip() for name in await page.locator("main button:visible").all_inner_texts()}
            await _press_all(page, address)
        await page.unroute_all(behavior="wait")
    assert forbidden == set(), json.dumps(sorted(forbidden), indent=1)
    shown_deeds = pressed & _BUTTONS.keys()
    assert {name for name in shown_deeds if _BUTTONS[name] not in allowed} == set()
    if role is Role.ADMIN:
        assert shown_deeds == _BUTTONS.keys()


async def _press_all(page: Page, address: str) -> None:
    """A button opens a dialog, which asks for something too, or changes what is shown, or sends a mutation that isn't answered."""
    for name in dict.fromkeys(await buttons(page).all_inner_texts()):
        button = named(page, name)
        if await button.count() == 0:
            continue
        await button.first.click()
        await shown(page)
        if await page.get_by_role("dialog").count():
            await page.keyboard.press("Escape")
        else:
            await page.goto(address)
            await shown(page)
