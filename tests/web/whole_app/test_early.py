"""What a screen asks first is asked while the page is loaded: once, and its answer is the screen's."""

import json
from collections import Counter

import pytest
from playwright.async_api import Browser, Request, expect

from sebilling.actor import Role
from tests.web.whole_app.conftest import Office, signed_in
from tests.web.whole_app.screens import shown


@pytest.mark.parametrize("role", [Role.ADMIN, Role.TECHNICIAN], ids=lambda role: str(role.value))
@pytest.mark.parametrize("address", ["/pelanggan", "/pelanggan?tampil=semua&urut=NAME&cari=a"])
async def test_customers_are_asked_early_and_once(browser: Browser, office: Office, role: Role, address: str) -> None:
    asked: Counter[str] = Counter()

    def count(request: Request) -> None:
        if request.url.endswith("/graphql"):
            body = json.loads(request.post_data or "")
            # The page's client names each operation; what is asked early doesn't wait for it.
            asked["by the client" if "operationName" in body else body["query"].split()[1].partition("(")[0]] += 1

    async with signed_in(browser, office, role) as context:
        page = await context.new_page()
        page.on("request", count)
        await page.goto(address)
        await shown(page)
        await expect(page.locator("main tbody tr").first).to_be_visible()
        assert asked == {"Me": 1, "Customers": 1}
        await page.get_by_label("Urutan").select_option("INSTALLED")
        await shown(page)
        await expect(page.locator("main tbody tr").first).to_be_visible()
        assert asked["by the client"] == 1


async def test_what_was_asked_in_vain_is_asked_again(browser: Browser, office: Office) -> None:
    """Somebody signs in on the page that had asked when nobody was."""
    context = await browser.new_context(base_url=office.address, locale="id-ID")
    page = await context.new_page()
    await page.goto("/pelanggan")
    await page.get_by_label("Nama pengguna").fill(office.admin.username)
    await page.get_by_label("Kata sandi").fill(office.admin.password)
    await page.get_by_role("button", name="Masuk").click()
    await expect(page.locator("main tbody tr").first).to_be_visible()
    await context.close()
