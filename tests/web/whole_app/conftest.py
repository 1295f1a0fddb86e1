"""One office for all tests of this folder: a demo ISP after its month, users of every role, and names that try to be more than text."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext

from sebilling.actor import Role, operator
from sebilling.app import create_app
from sebilling.auth import passwords, users
from sebilling.clock import system_clock
from sebilling.db.databases import create_database, drop_database
from sebilling.db.engine import Database
from sebilling.demo import isp, month
from sebilling.server import listening_socket, serving
from tests.harness import quiet_settings
from tests.web.conftest import Shop

EVERYTHING: Final = os.environ.get("SEBILLING_TEST_CAMPAIGN") == "1"
"""Every combination of language, width and theme, and not only those in which each occurs."""
_FURTHER: Final = (("teknisi", "Teguh Teknisi", Role.TECHNICIAN), ("auditor", "Ani Auditor", Role.AUDITOR))
"""Users of the roles that the demo lacks."""


@dataclass(frozen=True)
class Office(Shop):
    """A shop whose users keep their sign-ins."""

    cookies: dict[Role, dict[str, str]]
    """The cookies of a signed-in user of each role."""
    database_url: str


@pytest_asyncio.fixture(scope="session")
async def office(server_url: str, template: str) -> AsyncIterator[Office]:
    """60 customers, half of whom have paid; one router, on which the others are blocked."""
    url = await create_database(server_url, "whole_app", template=template)
    database = Database(url, connections=20)
    billed, sign_ins = await isp.make(database, customers=60, now=system_clock())
    sign_ins += [await new_user(url, username, name, role) for username, name, role in _FURTHER]
    app = create_app(quiet_settings(allowed_hosts="127.0.0.1", inline_worker=True), Database(url), is_demo=True)
    with contextlib.ExitStack() as stack:
        address = await asyncio.to_thread(stack.enter_context, serving(app, listening_socket("127.0.0.1", 0)))
        await asyncio.to_thread(month.run_month, address, url, billed, sign_ins[:5], stack, full=False)
        one_of_each = {sign_in.role: sign_in for sign_in in reversed(sign_ins)}
        cookies = {role: await _cookies(address, sign_in) for role, sign_in in one_of_each.items()}
        yield Office(address, billed, sign_ins, cookies, url)
    await database.close()
    await drop_database(server_url, "whole_app")


async def new_user(database_url: str, username: str, name: str, role: Role) -> isp.SignIn:
    """One more user, who belongs to no counter."""
    database, password = Database(database_url, connections=1), passwords.random_password()
    hashed = await passwords.hashed(password)
    async with database.transaction(actor=operator("demo"), at=system_clock()) as session:
        await users.create(session, username=username, name=name, role=role, password_hash=hashed, counters=[])
    await database.close()
    return isp.SignIn(username, password, role)


async def _cookies(address: str, sign_in: isp.SignIn) -> dict[str, str]:
    document = "mutation($input: SignInInput!) { signIn(input: $input) { errors { message } } }"
    variables = {"input": {"username": sign_in.username, "password": sign_in.password, "cookie": True}}
    async with httpx.AsyncClient(base_url=address) as http:
        answer = await http.post("/graphql", json={"query": document, "variables": variables}, headers={"GraphQL-Require-Preflight": "1"})
        assert answer.json()["data"]["signIn"]["errors"] == []
        return dict(http.cookies)


@asynccontextmanager
async def signed_in(
    browser: Browser, office: Office, role: Role = Role.ADMIN, *, language: str = "id", width: int = 1280, zone: str = "Asia/Jakarta"
) -> AsyncIterator[BrowserContext]:
    """A context in which a user of this role is signed in, in this language; `zone` is the computer's."""
    locale = "id-ID" if language == "id" else "en-GB"
    context = await browser.new_context(base_url=office.address, locale=locale, viewport={"width": width, "height": 900}, timezone_id=zone)
    context.set_default_timeout(60_000)
    await context.add_cookies([{"name": name, "value": value, "url": office.address} for name, value in office.cookies[role].items()])
    try:
        yield context
    finally:
        await context.close()
