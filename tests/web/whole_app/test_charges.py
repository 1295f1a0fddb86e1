"""Biaya lain and Diskon of a customer, added and taken back in both languages; and what the customers of a list owe together."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.web.test_month import picture
from tests.web.whole_app.conftest import Office, signed_in
from tests.web.words import LANGUAGES, TRIED, Words


@pytest.mark.parametrize("language", TRIED)
async def test_charges_and_discounts(browser: Browser, office: Office, language: str) -> None:
    words = Words(language)
    async with signed_in(browser, office, language=language) as context:
        page = await context.new_page()
        await page.goto("/pelanggan?tampil=menunggak")
        await expect(page.locator("main .title")).to_contain_text(f"{words('outstanding')} Rp")
        await page.goto(f"/pelanggan/cus_{10 + LANGUAGES.index(language)}")
        await _charge(page, words)
        await _discount(page, words)


async def _charge(page: Page, words: Words) -> None:
    dialog, charges = page.get_by_role("dialog"), page.get_by_role("region", name=words("charges"))
    await charges.get_by_role("button", name=words("add_charge")).click()
    await dialog.get_by_label(words("charge_kind")).select_option(words("charge_cable"))
    await dialog.get_by_label(words("description")).fill("Kabel 20 m")
    await dialog.get_by_label(words("amount")).fill("50.000")
    await picture(page, f"pelanggan-biaya-{words.language}")
    await dialog.get_by_role("button", name=words("add_charge")).click()
    row = charges.get_by_role("row", name="Kabel 20 m")
    await expect(row).to_contain_text("Rp50.000")
    await expect(row).to_contain_text(words("on_next_invoice"))
    await row.get_by_role("button", name=words("cancel_charge_of", description="Kabel 20 m")).click()
    await dialog.get_by_label(words("reason")).fill("Tidak jadi")
    await dialog.get_by_role("button", name=words("take_back")).click()
    await expect(row).to_contain_text(words("reversed"))


async def _discount(page: Page, words: Words) -> None:
    dialog, discounts = page.get_by_role("dialog"), page.get_by_role("region", name=words("discounts"))
    await discounts.get_by_role("button", name=words("add_discount")).click()
    await dialog.get_by_label(words("per_month")).fill("sepuluh")
    await expect(dialog.get_by_role("alert")).to_have_text(words("percent_hint"))
    await dialog.get_by_label(words("per_month")).fill("2,5")
    await dialog.get_by_label(words("description")).fill("Promo")
    await dialog.get_by_label(words("from_day"), exact=True).fill("2027-01-01")
    await dialog.get_by_label(words("billed_in_full_from")).fill("2026-01-01")
    await dialog.get_by_role("button", name=words("add_discount")).click()
    await expect(dialog.get_by_label(words("billed_in_full_from"))).to_have_attribute("aria-invalid", "true")
    await dialog.get_by_label(words("billed_in_full_from")).fill("")
    await dialog.get_by_role("button", name=words("add_discount")).click()
    row = discounts.get_by_role("row", name="Promo")
    await expect(row).to_contain_text("2.5 %")
    await row.get_by_role("button").click()
    await dialog.get_by_label(words("billed_in_full_from")).fill("2027-06-01")
    await picture(page, f"pelanggan-diskon-{words.language}")
    await dialog.get_by_role("button", name=words("end_discount")).click()
    await expect(row).to_contain_text("2027")
    await expect(row).not_to_contain_text(words("no_end"))
