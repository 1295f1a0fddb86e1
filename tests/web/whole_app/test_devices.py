"""What a device is asked for by a button: who is online, and what it gives away; and a plan's new speed on its way there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from sebilling.demo import network
from sebilling.demo.gear import Subscriber
from sebilling.demo.month import Client
from sebilling.demo.router import Router
from tests.web.test_month import picture
from tests.web.whole_app.conftest import Office, signed_in
from tests.web.words import TRIED, Words

_ADD = "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id } errors { message } } }"
_PLAN = "mutation($input: CreatePlanInput!) { createPlan(input: $input) { plan { id } errors { message } } }"
_FASTER = "mutation($input: UpdatePlanInput!) { updatePlan(input: $input) { errors { message } } }"
_SWITCH = "mutation($input: UpdateDeviceInput!) { updateDevice(input: $input) { errors { message } } }"
PLAN = "Uji Cepat"


class SecondRouter(Router):
    """One with profiles of two speeds."""

    name = "RB-Kedua"

    async def put_profiles(self) -> None:
        for megabits in (5, 20):
            self._simulator.router.add("/ppp/profile", name=f"uji-{megabits}", rate_limit=f"{megabits}M/{megabits}M")


@dataclass(frozen=True)
class Site:
    """A router with three customers, of whom two are online, and somebody who is no customer."""

    admin: Client
    device: network.Device
    plan_id: str


@pytest_asyncio.fixture(scope="module")
async def site(office: Office) -> AsyncIterator[Site]:
    def built() -> Site:
        admin = Client(http, office.admin)
        plan_id = admin.ask(_PLAN, input={"name": PLAN, "price": 100_000, "rateDownKbps": 5_000, "rateUpKbps": 5_000})["plan"]["id"]
        common = {"counterId": "cou_1", "planId": plan_id, "installedOn": str(office.month.first)}
        customers = [
            {
                "id": admin.ask(_ADD, input=common | {"code": f"UJI-{name}", "name": f"Pelanggan {name}"})["customer"]["id"],
                "pppoeName": f"uji-{name}",
                "plan": {"name": "uji-5"},
            }
            for name in ("satu", "dua", "tiga")
        ]
        device = network.connect(admin, stack, SecondRouter, customers)
        assert isinstance(device.gear, SecondRouter)
        device.running.run(device.gear.put_profiles())
        device.running.run(device.gear.put([Subscriber("tamu", "default")]))
        device.dial(["uji-satu", "uji-dua"])
        return Site(admin, device, plan_id)

    with httpx.Client(base_url=office.address) as http, contextlib.ExitStack() as stack:
        made = await asyncio.to_thread(built)
        yield made
        await asyncio.to_thread(made.admin.ask, _SWITCH, input={"id": made.device.id, "enabled": False})


@pytest.mark.parametrize("language", TRIED)
async def test_a_device_is_asked(browser: Browser, office: Office, site: Site, language: str) -> None:
    words = Words(language)
    async with signed_in(browser, office, language=language) as context:
        page = await context.new_page()
        await page.goto(f"/perangkat/{site.device.id}")
        await _see_who_is_online(page, words)
        await _find_leaks(page, words)


async def _see_who_is_online(page: Page, words: Words) -> None:
    online = page.get_by_role("region", name=words("online_now"))
    await expect(online.get_by_role("row")).to_have_count(0)
    await online.get_by_role("button", name=words("see_online")).click()
    await expect(online.get_by_role("status")).to_contain_text(words("sessions_open", number=2))
    await expect(online.get_by_role("row", name="uji-satu").get_by_role("link")).to_have_text("Pelanggan satu")
    await online.get_by_label(words("search")).fill("DUA")
    await expect(online.get_by_role("row")).to_have_count(2)
    await picture(page, f"perangkat-1-online-{words.language}")


async def _find_leaks(page: Page, words: Words) -> None:
    audit = page.get_by_role("region", name=words("leak_audit"))
    await audit.get_by_role("button", name=words("audit_now")).click()
    await expect(audit.get_by_role("status")).to_contain_text(words("leaks_found", number=1))
    await expect(audit.get_by_role("row", name="tamu")).to_contain_text(words("leak_not_a_customer"))
    await picture(page, f"perangkat-2-audit-{words.language}")


async def test_a_new_speed_is_followed_to_the_device(browser: Browser, office: Office, site: Site) -> None:
    """While the device is switched off it is seen who waits; then it gets the speed, and nobody has to look again."""
    device, words = site.device.id, Words("id")
    async with signed_in(browser, office) as context:
        page = await context.new_page()
        await page.goto(f"/perangkat/{device}")
        await page.get_by_role("button", name=words("disable"), exact=True).click()
        await expect(page.get_by_role("button", name=words("enable"), exact=True)).to_be_visible()
        faster = {"id": site.plan_id, "rateDownKbps": 20_000, "rateUpKbps": 20_000}
        await asyncio.to_thread(site.admin.ask, _FASTER, input=faster)
        await page.goto("/pengaturan/paket")
        await expect(page.get_by_role("row", name=PLAN)).to_contain_text(f"{words('speed_pending')}: 3")
        await expect(page.get_by_role("status")).to_have_text(words("speeds_pending", number=3))
        await page.goto(f"/perangkat/{device}")
        await page.get_by_role("button", name=words("speed_pending")).click()
        accesses = page.get_by_role("region", name=words("customers"))
        await expect(accesses.get_by_role("row", name="Pelanggan").filter(has_text=words("speed_pending"))).to_have_count(3)
        await picture(page, "perangkat-3-kecepatan")
        await page.get_by_role("button", name=words("enable"), exact=True).click()
        await expect(accesses.get_by_role("status")).to_have_count(0)
        await expect(accesses.get_by_text(words("speed_pending"), exact=True)).to_have_count(1)
    state = site.device.running.run(site.device.gear.state())
    assert {state[f"uji-{name}"]["profile"] for name in ("satu", "dua", "tiga")} == {"uji-20"}
