"""From opening the web app to its rows on a slow line, and what a search as typed takes at the server.

The line is Lighthouse's "slow 4G" (1.6 Mbit/s down, 750 kbit/s up, 150 ms for each request) and its CPU a quarter of this machine's, as
Chromium imitates them; nothing is cached. The search is typed letter by letter without a slow line, so that what is left is the server's
time and the loopback's. Both have a bound as their reference.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, BrowserContext, Page, Response, async_playwright

from bench.place import PASSWORD, USERNAME, issue, place
from bench.result import Result
from bench.serving import SERVE, served

SHOWN_MS: Final = 1_500
SEARCHED_MS: Final = 100
WORDS: Final = ("budi", "wulandari", "P00123", "melati 4")
_LINE: Final = {"offline": False, "latency": 150, "downloadThroughput": 1.6 * 1024 * 1024 / 8, "uploadThroughput": 750 * 1024 / 8}
_SLOWER_CPU: Final = 4
_SCREENS: Final = {"admin's customers": ("/pelanggan", "main tbody tr"), "collector's customers": ("/kolektor/", "a[href^='#/pelanggan/']")}
"""Address, and what is a row."""
_OWN_WINDOW_MS: Final = 3_000
"""A new window of Chromium loads some hundred files of its own, such as those of its address bar's menu, for about a second: they aren't
the page's, and nobody's phone loads them with it."""
_NOTE_ROWS: Final = """(rows) => new MutationObserver((_, observer) => {
  if (document.querySelector(rows)) { console.debug(performance.now()); observer.disconnect(); }
}).observe(document, { childList: true, subtree: true })"""
_SIGN_IN: Final = "mutation($input: SignInInput!) { signIn(input: $input) { errors { message } } }"


async def measure(var: Path, *, customers: int, rounds: int) -> list[Result]:
    """Return the milliseconds until each screen's rows are shown, and of the slowest request of the searches. Needs Chromium and the built
    web app.
    """
    async with place(var, "bench_web", customers=customers) as database:
        await issue(database)
        with served(SERVE, database.url, SEBILLING_ALLOWED_HOSTS="127.0.0.1") as address:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
                results = [
                    Result.of_rounds(
                        f"web: {name} on slow 4G", customers, [await _shown(browser, address, *screen) for _ in range(rounds)],
                        [SHOWN_MS], reference_name="allowed", unit="ms",
                    )
                    for name, screen in _SCREENS.items()
                ]  # fmt: skip
                searched = await _searched(browser, address)
                await browser.close()
    slowest = max(searched)
    return [
        *results,
        Result("web: search as typed, slowest request", customers, slowest, SEARCHED_MS, "allowed", "ms", ours_rounds=searched),
    ]


@asynccontextmanager
async def _signed_in(browser: Browser, address: str) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(base_url=address, locale="id-ID")
    try:
        values = {"input": {"username": USERNAME, "password": PASSWORD, "cookie": True}}
        data = {"query": _SIGN_IN, "variables": values}
        answer = await context.request.post("/graphql", data=data, headers={"GraphQL-Require-Preflight": "1"})
        if (await answer.json())["data"]["signIn"]["errors"]:
            raise RuntimeError(await answer.text())
        yield context
    finally:
        await context.close()


async def _shown(browser: Browser, address: str, path: str, rows: str) -> float:
    """Milliseconds from the navigation's start to the first row, in a browser that has never been here."""
    async with _signed_in(browser, address) as context:
        page = await context.new_page()
        await page.wait_for_timeout(_OWN_WINDOW_MS)
        devtools = await context.new_cdp_session(page)
        await devtools.send("Network.enable")
        await devtools.send("Network.emulateNetworkConditions", _LINE)
        await devtools.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER_CPU})
        await page.add_init_script(f"({_NOTE_ROWS})({rows!r})")
        # The page tells: looking for the rows would put Playwright's own script, 60 ms on such a processor, in front of them.
        async with page.expect_console_message(lambda message: message.type == "debug", timeout=60_000) as told:
            await page.goto(path, wait_until="commit")
        return float((await told.value).text)


async def _searched(browser: Browser, address: str) -> tuple[float, ...]:
    """Milliseconds of each request that typing the words causes."""
    async with _signed_in(browser, address) as context:
        page = await context.new_page()
        await page.goto("/pelanggan")
        await page.locator("main tbody tr").first.wait_for()
        answered: list[Response] = []
        page.on("response", lambda response: answered.append(response) if response.url.endswith("/graphql") else None)
        for words in WORDS:
            await _typed(page, words)
        timings = [answer.request.timing for answer in answered]
        return tuple(timing["responseStart"] - timing["requestStart"] for timing in timings)


async def _typed(page: Page, words: str) -> None:
    """Type slowly enough that each letter is searched."""
    field = page.locator("main input[type=search]")
    await field.fill("")
    await field.press_sequentially(words, delay=350)
    await page.wait_for_timeout(600)
