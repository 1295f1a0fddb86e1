"""Pengaturan, clicked in both languages: the ISP's own settings, plans, counters, users, and when customers are blocked."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.web.test_month import picture
from tests.web.whole_app.conftest import Office, signed_in
from tests.web.whole_app.screens import ROOT
from tests.web.words import TRIED, Words


@pytest.mark.parametrize("language", TRIED)
async def test_settings(browser: Browser, office: Office, language: str) -> None:
    words = Words(language)
    async with signed_in(browser, office, language=language) as context:
        page = await context.new_page()
        await _general(page, words)
        await _pictures(page, words)
        await _plan(page, words)
        await _counter(page, words)
        await _user(page, words)
        await _policy(page, words)
        await _status(page, words)


async def _general(page: Page, words: Words) -> None:
    """A number that is none is said at its field; what is saved is there after a reload."""
    await page.goto("/pengaturan")
    save, days = page.get_by_role("button", name=words("save")), page.get_by_label(words("customer_promise_days"))
    await days.fill("besok")
    await expect(page.get_by_role("alert")).to_have_text(words("whole_number"))
    await expect(save).to_be_disabled()
    await days.fill("99")
    await save.click()
    await expect(days).to_have_attribute("aria-invalid", "true")
    await days.fill("5" if words.language == "id" else "7")
    await page.get_by_label(words("payment_instructions")).fill(f"Bank Contoh 123 ({words.language})")
    await page.get_by_label(words("look_every")).fill("15" if words.language == "id" else "20")
    await page.get_by_label(words("drift_action")).select_option(words("drift_reapply" if words.language == "id" else "drift_report"))
    await save.click()
    await expect(page.get_by_role("group").get_by_role("status")).to_have_text(words("saved"))
    await picture(page, f"pengaturan-1-umum-{words.language}")
    await page.reload()
    await expect(page.get_by_label(words("payment_instructions"))).to_have_value(f"Bank Contoh 123 ({words.language})")


async def _pictures(page: Page, words: Words) -> None:
    """A logo is seen where it was uploaded, and is gone once it is removed; what is none is said below it."""
    section = page.get_by_role("region", name=words("pictures"))
    upload, shown = section.get_by_label(words("upload_of", picture="QRIS")), section.get_by_role("img", name="QRIS")
    await upload.set_input_files({"name": "qris.png", "mimeType": "image/png", "buffer": b"no picture"})
    await expect(section.get_by_role("alert")).to_be_visible()
    await upload.set_input_files(ROOT / "docs" / "pictures" / "5-bayar.png")
    await expect(section.get_by_role("status")).to_have_text(words("picture_saved", picture="QRIS"))
    await expect(shown).to_have_js_property("complete", value=True)
    await picture(page, f"pengaturan-1-qris-{words.language}")
    await section.get_by_role("button", name=words("remove_picture_of", picture="QRIS")).click()
    await expect(shown).to_have_count(0)


async def _plan(page: Page, words: Words) -> None:
    """A plan is added, changed and archived."""
    dialog, name = page.get_by_role("dialog"), f"Uji {words.language}"
    await page.get_by_role("link", name=words("settings_plans"), exact=True).click()
    await page.get_by_role("button", name=words("add_plan")).click()
    await dialog.get_by_label(words("name")).fill(name)
    await dialog.get_by_label(words("price_per_month")).fill("125.000")
    await dialog.get_by_role("button", name=words("save")).click()
    await expect(page.get_by_role("row", name=name)).to_contain_text("Rp125.000")
    await page.get_by_role("button", name=words("change_of", name=name)).click()
    await dialog.get_by_label(words("rate_down_mbps")).fill("2,5")
    await dialog.get_by_role("button", name=words("save")).click()
    await expect(page.get_by_role("row", name=name)).to_contain_text("2,5 Mbit/s" if words.language == "id" else "2.5 Mbit/s")
    await page.get_by_role("button", name=words("archive_of", name=name)).click()
    await expect(page.get_by_role("row", name=name)).to_have_count(0)
    await page.get_by_role("button", name=words("archived"), exact=True).click()
    await page.get_by_role("button", name=words("unarchive_of", name=name)).click()
    await expect(page.get_by_role("row", name=name)).to_have_count(0)


async def _counter(page: Page, words: Words) -> None:
    """A code that is taken is said at its field."""
    dialog = page.get_by_role("dialog")
    await page.get_by_role("link", name=words("counters"), exact=True).click()
    await page.get_by_role("button", name=words("add_counter")).click()
    await dialog.get_by_label(words("code")).fill("LKT01")
    await dialog.get_by_label(words("name")).fill("Gadog")
    await dialog.get_by_role("button", name=words("save")).click()
    await expect(dialog.get_by_label(words("code"))).to_have_attribute("aria-invalid", "true")
    await dialog.get_by_label(words("code")).fill(f"UJI-{words.language.upper()}")
    await dialog.get_by_role("button", name=words("save")).click()
    await expect(page.get_by_role("row", name=f"UJI-{words.language.upper()}")).to_contain_text("Gadog")


async def _user(page: Page, words: Words) -> None:
    """A new user's one-time password is shown once; another is made by Atur ulang."""
    dialog, name = page.get_by_role("dialog"), f"Uji {words.language}"
    await page.get_by_role("link", name=words("users"), exact=True).click()
    await page.get_by_role("button", name=words("add_user")).click()
    await dialog.get_by_label(words("username")).fill(f"uji-{words.language}")
    await dialog.get_by_label(words("name"), exact=True).fill(name)
    await dialog.get_by_label(words("role")).select_option(words("role_technician"))
    await dialog.get_by_role("button", name=words("save")).click()
    await expect(dialog.get_by_role("status")).to_contain_text(f"uji-{words.language}")
    await picture(page, f"pengaturan-2-pengguna-{words.language}")
    first = await dialog.locator("code").inner_text()
    await dialog.get_by_role("button", name=words("done")).click()
    await expect(page.get_by_role("row", name=name)).to_contain_text(words("must_change_password"))
    await page.get_by_role("button", name=words("reset_of", name=name)).click()
    await dialog.get_by_role("button", name=words("reset_password")).click()
    await expect(dialog.get_by_role("status")).to_contain_text(f"uji-{words.language}")
    assert await dialog.locator("code").inner_text() != first
    await dialog.get_by_role("button", name=words("done")).click()


async def _policy(page: Page, words: Words) -> None:
    """A counter's own policy, taken back again; and a day on which nobody is blocked."""
    dialog = page.get_by_role("dialog")
    row = page.get_by_role("region", name=words("isolation_policies"), exact=True).get_by_role("row", name="LKT03")
    await page.get_by_role("link", name=words("isolation"), exact=True).click()
    await row.get_by_role("button", name=words("change")).click()
    await dialog.get_by_label(words("isolation_mode")).select_option(words("mode_manual"))
    await dialog.get_by_role("button", name=words("save")).click()
    await expect(row).to_contain_text(words("mode_manual"))
    await row.get_by_role("button", name=words("as_isp_again_of", name="Cisarua")).click()
    await expect(row).not_to_contain_text(words("mode_manual"))
    day = "2027-12-25" if words.language == "id" else "2027-12-26"
    await page.get_by_role("button", name=words("add_blackout_date")).click()
    await dialog.get_by_label(words("date")).fill(day)
    await dialog.get_by_label(words("reason")).fill("Natal")
    await dialog.get_by_role("button", name=words("save")).click()
    blackout = page.get_by_role("region", name=words("blackout_dates"))
    await expect(blackout).to_contain_text("Natal")
    await blackout.get_by_role("row", name="Natal").get_by_role("button", name=words("delete_it")).click()
    await expect(blackout).not_to_contain_text("Natal")


async def _status(page: Page, words: Words) -> None:
    """The state of the installation, as `sebilling status` tells it; this one has no backup."""
    await page.get_by_role("link", name=words("system_status")).click()
    backup = page.get_by_role("row", name=words("part_backup"))
    await expect(backup).to_contain_text("SEBILLING_BACKUP_TO")
    await expect(page.get_by_role("row", name=words("part_database"))).to_contain_text(words("level_good"))
    await page.get_by_role("button", name=words("read_anew")).click()
    await expect(backup).to_be_visible()
    await picture(page, f"pengaturan-6-status-{words.language}")
