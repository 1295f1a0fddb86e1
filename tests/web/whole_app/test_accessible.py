"""axe finds nothing on any screen and dialog, in light and dark, in both languages; and nothing is wider than a phone."""

import json
from typing import Final

import pytest
from playwright.async_api import Browser, Page

from tests.web.whole_app.conftest import EVERYTHING, Office, signed_in
from tests.web.whole_app.screens import ROOT, addresses, answer_no_mutation, buttons, named, shown

PHONE: Final = 360
_AXE: Final = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
_RULES: Final = {"resultTypes": ["violations"], "iframes": False}
_COLOURS: Final = _RULES | {"runOnly": ["color-contrast"]}
_VARIANTS: Final = [("id", PHONE)]
_MORE: Final = [("en", 1440), ("id", 1440), ("en", PHONE)]


async def findings(page: Page, where: str) -> list[str]:
    """What axe finds on the page as it is, then in the other theme; after a frame, in which the app sees which tables scroll."""
    await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    found_by_axe = (await page.evaluate("options => axe.run(document, options)", _RULES))["violations"]
    await page.evaluate("document.documentElement.dataset.theme = 'dark'")
    found_by_axe += (await page.evaluate("options => axe.run(document, options)", _COLOURS))["violations"]
    await page.evaluate("document.documentElement.dataset.theme = 'light'")
    return [
        f"{where}: {found['id']}: {node['target']} {node['html'][:150]}: {node['failureSummary'][-160:]}"
        for found in found_by_axe
        for node in found["nodes"][:3]
    ] + await too_wide(page, where)


async def open_with_axe(page: Page, address: str) -> None:
    await page.goto(address)
    await shown(page)
    await page.evaluate(_AXE.read_text(encoding="utf-8"))


async def too_wide(page: Page, where: str) -> list[str]:
    """What sticks out at the right."""
    width = await page.evaluate("document.documentElement.scrollWidth")
    size = page.viewport_size
    assert size is not None
    return [f"{where}: {width} px wide"] if width > size["width"] else []


@pytest.mark.parametrize(("language", "width"), _VARIANTS + (_MORE if EVERYTHING else []))
async def test_every_screen_and_dialog(browser: Browser, office: Office, language: str, width: int) -> None:
    wrong: list[str] = []
    dialogs = 0
    async with signed_in(browser, office, language=language, width=width) as context:
        await context.add_init_script("localStorage.setItem('theme', 'light')")
        page = await context.new_page()
        await answer_no_mutation(page)
        for address in addresses(str(office.month)):
            await open_with_axe(page, address)
            wrong += await findings(page, address)
            if not EVERYTHING:
                continue  # every dialog takes a minute more: `make campaign`
            for name in dict.fromkeys(await buttons(page).all_inner_texts()):
                button = named(page, name)
                if await button.count() == 0:
                    continue
                await button.first.click()
                dialog = page.get_by_role("dialog")
                if await dialog.count():
                    dialogs += 1
                    await shown(page)
                    wrong += await findings(page, f"{address} › {name}")
                    await page.keyboard.press("Escape")
                    if await dialog.count() == 0:
                        continue
                    wrong.append(f"{address} › {name}: Escape doesn't close it")
                await open_with_axe(page, address)
    assert dialogs > 15 or not EVERYTHING, "the buttons open dialogs"
    assert wrong == [], json.dumps(wrong, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("language", ["id", "en"])
async def test_sign_in_and_menu(browser: Browser, office: Office, language: str) -> None:
    """What the loop above doesn't come by: the page before signing in, the menu on a phone, and Ctrl-K."""
    async with signed_in(browser, office, language=language, width=PHONE) as context:
        page = await context.new_page()
        await open_with_axe(page, "/")
        await page.locator("header button[aria-expanded]").click()
        wrong = await findings(page, "menu")
        await page.keyboard.press("Control+k")
        await page.get_by_role("dialog").get_by_role("combobox").fill("a")
        wrong += await findings(page, "Ctrl-K")
        await context.clear_cookies()
        await page.goto("/")
        await page.locator("input[type=password]").wait_for()
        await page.evaluate(_AXE.read_text(encoding="utf-8"))
        wrong += await findings(page, "sign-in")
    assert wrong == [], json.dumps(wrong, indent=1, ensure_ascii=False)
