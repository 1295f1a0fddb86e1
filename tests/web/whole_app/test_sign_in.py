"""Masuk: a wrong password, a server that fails, either language, what the role may see, and the second step."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from sebilling.actor import Role
from sebilling.auth import totp
from sebilling.clock import system_clock
from sebilling.demo import isp
from tests.web.conftest import Complaints
from tests.web.test_month import picture
from tests.web.whole_app.conftest import Office, new_user, signed_in
from tests.web.words import TRIED, Words


async def _anybody(browser: Browser, office: Office, language: str) -> BrowserContext:
    """A browser in which nobody has signed in."""
    context = await browser.new_context(base_url=office.address, locale="id-ID" if language == "id" else "en-GB")
    context.set_default_timeout(60_000)
    return context


async def _fill(page: Page, words: Words, username: str, password: str) -> None:
    await page.get_by_label(words("username")).fill(username)
    await page.get_by_label(words("password")).fill(password)
    await page.get_by_role("button", name=words("sign_in")).click()


async def test_a_server_that_fails_is_not_taken_for_nobody_signed_in(browser: Browser, office: Office) -> None:
    context = await _anybody(browser, office, "id")
    page = await context.new_page()
    await page.route("**/graphql", lambda route: route.abort())
    await page.goto("/")
    await expect(page.get_by_role("alert")).to_contain_text("Server tidak terjangkau")
    await expect(page.get_by_label("Kata sandi")).to_have_count(0)
    await page.unroute("**/graphql")
    await page.get_by_role("button", name="Coba lagi").click()
    await expect(page.get_by_label("Kata sandi")).to_be_visible()
    await context.close()


@pytest.mark.parametrize("lost", [0, 1])
async def test_who_is_signed_in_is_asked_once_and_again_if_that_is_lost(browser: Browser, office: Office, lost: int) -> None:
    async with signed_in(browser, office, Role.CLERK) as context:
        page = await context.new_page()
        asked: list[str] = []

        async def answer(route: Route) -> None:
            asked.append(str(route.request.post_data))
            await (route.abort() if len(asked) <= lost else route.continue_())

        await page.route("**/graphql", answer)
        await page.goto("/pelanggan")
        await expect(page.get_by_role("row").nth(1)).to_be_visible()
        assert len([query for query in asked if "query Me" in query]) == 1 + lost
        await context.close()


async def test_a_wrong_password_is_told_and_the_language_changes(browser: Browser, office: Office) -> None:
    context = await _anybody(browser, office, "id")
    complaints = Complaints(office.address)
    page = await context.new_page()
    complaints.listen(page)
    await page.goto("/")
    await _fill(page, Words("id"), office.admin.username, "salah-sekali-ini")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_role("button", name="Keluar")).to_have_count(0)
    await page.get_by_role("button", name="English").click()
    await _fill(page, Words("en"), office.admin.username, office.admin.password)
    await expect(page.get_by_role("link", name="Customers")).to_be_visible()
    assert await page.evaluate("document.documentElement.lang") == "en"
    await context.close()
    assert complaints.heard == []


async def test_the_menu_is_what_the_role_may_see(browser: Browser, office: Office) -> None:
    async with signed_in(browser, office, Role.CLERK) as context:
        page = await context.new_page()
        await page.goto("/")
        await page.get_by_role("link", name="Invoice").click()
        await expect(page.get_by_role("heading", name="Invoice")).to_be_visible()
        await expect(page.get_by_role("button", name="Tambah Invoice")).to_have_count(0)


@pytest.mark.parametrize("language", TRIED)
async def test_two_steps(browser: Browser, office: Office, language: str) -> None:
    """Turned on with a code, asked for at the next sign-in, which a recovery code can do too, and turned off."""
    words, user = Words(language), await new_user(office.database_url, f"dua-{language}", "Dua Langkah", Role.TECHNICIAN)
    context = await _anybody(browser, office, language)
    page = await context.new_page()
    dialog = page.get_by_role("dialog")
    await page.goto("/")
    await _fill(page, words, user.username, user.password)
    await page.get_by_role("link", name=words("own_account")).click()
    await page.get_by_role("button", name=words("turn_on")).click()
    await dialog.get_by_label(words("password")).fill(user.password)
    async with page.expect_response("**/graphql") as answered:
        await dialog.get_by_role("button", name=words("continue_it")).click()
    uri = (await (await answered.value).json())["data"]["startTotp"]["uri"]
    secret = base64.b32decode(parse_qs(urlsplit(uri).query)["secret"][0])
    await expect(dialog.get_by_role("img", name=words("two_step"))).to_be_visible()
    await picture(page, f"dua-langkah-{language}")
    await _wrong_code(page, words)
    used = totp.step_at(system_clock())
    await dialog.get_by_label(words("two_step_code")).fill(totp.code_of(secret, used))
    await dialog.get_by_role("button", name=words("turn_on")).click()
    await expect(dialog).to_contain_text(words("recovery_codes_hint"))
    recovery = await dialog.locator("code").first.inner_text()
    await dialog.get_by_role("button", name=words("codes_are_kept")).click()
    async with page.expect_navigation():
        await page.get_by_role("button", name=words("sign_out")).click()
    await _fill(page, words, user.username, user.password)
    await page.get_by_label(words("two_step_code")).fill(recovery)
    await page.get_by_role("button", name=words("sign_in")).click()
    await page.get_by_role("link", name=words("own_account")).click()
    await page.get_by_role("button", name=words("turn_off")).click()
    await dialog.get_by_label(words("password")).fill(user.password)
    await dialog.get_by_label(words("two_step_code")).fill(totp.code_of(secret, max(used + 1, totp.step_at(system_clock()))))
    await dialog.get_by_role("button", name=words("turn_off")).click()
    await expect(page.get_by_role("button", name=words("turn_on"))).to_be_visible()
    await _change_password(page, words, user)
    await context.close()


async def _wrong_code(page: Page, words: Words) -> None:
    """It is said at its field; the right one can follow."""
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label(words("two_step_code")).fill("000000")
    await dialog.get_by_role("button", name=words("turn_on")).click()
    await expect(dialog.get_by_label(words("two_step_code"))).to_have_attribute("aria-invalid", "true")


async def _change_password(page: Page, words: Words, user: isp.SignIn) -> None:
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name=words("change_password")).click()
    await dialog.get_by_label(words("old_password")).fill(user.password)
    for label in ("new_password", "new_password_again"):
        await dialog.get_by_label(words(label), exact=True).fill("kata-sandi-lain-7391")
    await dialog.get_by_role("button", name=words("change_password")).click()
    await expect(page.get_by_text(words("password_changed"))).to_be_visible()
