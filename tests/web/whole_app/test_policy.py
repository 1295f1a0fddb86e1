"""The page asks no other host, allows no script or style in it, keeps the sign-in from scripts, and is small."""

import gzip
import re
from pathlib import Path
from typing import Final

import httpx
from playwright.async_api import Browser

from tests.web.test_month import sign_in
from tests.web.whole_app.conftest import Office
from tests.web.whole_app.screens import ROOT, addresses

MAX_FIRST_LOAD: Final = 50 * 1024
"""Bytes of the admin's first load, compressed."""
_FILES: Final = ROOT / "sebilling" / "web_files"
_STATIC_IMPORT: Final = re.compile(r"""(?:\bfrom|\bimport)\s*["']\./([\w.-]+\.js)["']""")


def first_load(page: Path) -> dict[str, int]:
    """Each file of the first load with its compressed bytes: the page, what it names, and what those scripts import at once."""
    html = page.read_text(encoding="utf-8")
    waiting = [_FILES / name.lstrip("/") for name in re.findall(r'(?:src|href)="(/[^"]+\.(?:js|css))"', html)]
    sizes = {page.name: len(gzip.compress(html.encode(), 6))}
    while waiting:
        file = waiting.pop()
        if file.name in sizes:
            continue
        content = file.read_bytes()
        sizes[file.name] = len(gzip.compress(content, 6))
        if file.suffix == ".js":
            waiting += [file.parent / name for name in _STATIC_IMPORT.findall(content.decode())]
    return sizes


def test_first_load() -> None:
    sizes = first_load(_FILES / "index.html")
    assert len(sizes) >= 3, "a page, a script and styles"
    assert sum(sizes.values()) <= MAX_FIRST_LOAD, sizes


async def test_every_page_has_the_policy(office: Office) -> None:
    """That browsers obey it, and that nobody else is asked, is seen by test_texts.py, which opens every screen."""
    async with httpx.AsyncClient(base_url=office.address) as http:
        for address in addresses(str(office.month)):
            answer = await http.get(address)
            assert answer.status_code == 200, address
            policy = answer.headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "script-src 'self';" in policy
            assert "style-src 'self';" in policy


async def test_no_script_reads_the_sign_in(browser: Browser, office: Office) -> None:
    context = await browser.new_context(base_url=office.address, locale="id-ID")
    page = await context.new_page()
    await sign_in(page, office.admin.username, office.admin.password)
    cookies = await context.cookies()
    assert {(cookie.get("httpOnly"), cookie.get("sameSite")) for cookie in cookies} <= {(True, "Strict"), (True, "Lax")}
    assert cookies
    assert await page.evaluate("document.cookie") == ""
    assert await page.evaluate("Object.keys(localStorage)") == ["PARAGLIDE_LOCALE"], "nothing of the person stays in the browser"
    await context.close()
