"""The customer's page: it shows one customer what they owe, to nobody else, and works without a script."""

import asyncio
import re
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest
import pytest_asyncio

from sebilling import keys
from sebilling.actor import Role
from sebilling.auth import customer_links
from sebilling.billing import customers, settings
from sebilling.billing.isolation import blocks
from sebilling.customer_page import bill
from sebilling.db.engine import Database
from sebilling.network import accesses, devices
from sebilling.vault import Vault
from tests.harness import NOW, SECRET_KEY, Api, Isp, make_user
from tests.isolation import gear

KEY = keys.derived(SECRET_KEY)
LINK = "query($id: ID!) { customerPageLink(customerId: $id) { path } }"


@pytest_asyncio.fixture
async def isp(database: Database) -> Isp:
    """Budi and Siti with an invoice each."""
    made = await Isp.make(database)
    async with made.write() as session:
        await settings.change(
            session, company_name="Maju & Jaya <Net>", company_phone="0812 000", payment_instructions="BCA 123 456\na.n. Maju Jaya",
            customer_promise_days=7,
        )  # fmt: skip
    return made


@pytest_asyncio.fixture
async def api(database: Database, isp: Isp) -> Api:
    made = Api(database)
    await made.sign_in()
    return made


async def person(isp: Isp, name: str, phone: str) -> int:
    customer_id = await isp.customer(f"C{phone[-4:]}")
    async with isp.write() as session:
        await customers.update(session, customer_id, name=name, phone=phone)
    return customer_id


async def path_of(api: Api, customer_id: int) -> str:
    return str((await api.ask(LINK, id=f"cus_{customer_id}"))["path"])


def words(answer: httpx.Response) -> str:
    """What a reader sees."""
    return " ".join(unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", answer.text)).split())


async def test_a_customer_sees_what_they_owe_and_how_to_pay(isp: Isp, api: Api) -> None:
    budi = await person(isp, "Budi", "0812 3456 7890")
    await person(isp, "Siti", "0813 1111 2222")
    await isp.open()
    await isp.generate()
    answer = await api.http.get(await path_of(api, budi), headers={"Authorization": ""})
    assert answer.status_code == 200
    shown = words(answer)
    assert "Rp150.000 yang harus dibayar" in shown
    assert "BCA 123 456" in shown
    assert "Maju & Jaya <Net>" in shown, "as text, and not as a tag"
    assert "<Net>" not in answer.text
    assert "Siti" not in answer.text
    english = words(await api.http.get(await path_of(api, budi), headers={"Accept-Language": "en-GB"}))
    assert "Rp150.000 to pay" in english
    await isp.pay(budi, 150_000)
    assert "Lunas" in words(await api.http.get(await path_of(api, budi)))


async def test_the_page_runs_nothing_and_is_kept_nowhere(isp: Isp, api: Api) -> None:
    answer = await api.http.get(await path_of(api, await person(isp, "Budi <script>alert(1)</script>", "0812 3456 7890")))
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in answer.text
    assert answer.headers["cache-control"] == "private, no-store"


async def test_nobody_makes_or_bends_a_link(isp: Isp, api: Api) -> None:
    budi, siti = await person(isp, "Budi", "0812 3456 7890"), await person(isp, "Siti", "0813 1111 2222")
    path = await path_of(api, budi)
    token = path.removeprefix("/tagihan/")
    assert customer_links.customer_of(token, key=KEY) == budi
    other = customer_links.path(siti, key=b"another key")
    bent = [path[:-1] + ("A" if path[-1] != "A" else "B"), other, "/tagihan/", "/tagihan/%00", f"/tagihan/{'A' * 28}", f"{path}="]
    for wrong in bent:
        assert (await api.http.get(wrong)).status_code == 404, wrong
    for position in range(len(token)):
        changed = token[:position] + ("x" if token[position] != "x" else "y") + token[position + 1 :]
        assert customer_links.customer_of(changed, key=KEY) is None, changed


async def test_a_customer_gets_their_own_invoices_only(isp: Isp, api: Api) -> None:
    budi, siti = await person(isp, "Budi", "0812 3456 7890"), await person(isp, "Siti", "0813 1111 2222")
    await isp.open()
    await isp.generate()
    numbers = dict(await isp.rows("SELECT customer_id, number FROM invoice"))
    path = await path_of(api, budi)
    own = await api.http.get(f"{path}/{numbers[budi]}.pdf")
    assert (own.status_code, own.content[:5]) == (200, b"%PDF-")
    assert (await api.http.get(f"{path}/{numbers[siti]}.pdf")).status_code == 404


async def test_who_is_in_the_walled_garden_finds_their_bill_by_code_and_phone(isp: Isp, api: Api) -> None:
    budi = await person(isp, "Budi", "0812 3456 7890")
    siti = await person(isp, "Siti", "0813 1111 2222")
    codes = dict(await isp.rows("SELECT id, code FROM customer"))
    assert "Internet Anda terisolir" in words(await api.http.get("/isolir"))
    right = await api.http.post("/isolir", data={"code": codes[budi].lower(), "phone": "+62 812-3456-7890"})
    assert (right.status_code, right.headers["location"]) == (303, await path_of(api, budi))
    for code, phone in ((codes[budi], "0813 1111 2222"), (codes[siti], ""), ("C9999", "0812 3456 7890"), ("", "")):
        wrong = await api.http.post("/isolir", data={"code": code, "phone": phone})
        assert wrong.status_code == 404
        assert "Tidak ada pelanggan dengan kode dan nomor HP ini" in words(wrong), "the same for everybody"


async def test_guesses_from_one_network_are_limited(isp: Isp, api: Api) -> None:
    await person(isp, "Budi", "0812 3456 7890")
    statuses = [(await api.http.post("/isolir", data={"code": f"C{number}", "phone": "081234567890"})).status_code for number in range(15)]
    assert statuses == [404] * 10 + [429] * 5


async def test_who_finds_their_bill_uses_up_no_tries_of_their_neighbours(isp: Isp, api: Api) -> None:
    """Behind the ISP's NAT all of them are one network."""
    budi = await person(isp, "Budi", "0812 3456 7890")
    code = await isp.value("SELECT code FROM customer WHERE id = :id", id=budi)
    for _ in range(15):
        assert (await api.http.post("/isolir", data={"code": code, "phone": "081234567890"})).status_code == 303


@pytest.mark.parametrize("body", [b"x" * 5_000, b"code=%00&phone=1", b"\xff\xfe", b"code=" + b"a" * 200 + b"&phone=1"])
async def test_a_strange_form_finds_nobody(isp: Isp, api: Api, body: bytes) -> None:
    await person(isp, "Budi", "0812 3456 7890")
    answer = await api.http.post("/isolir", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 404


async def _blocked(isp: Isp, customer_id: int) -> None:
    gear.GEARS["one"] = gear.Gear()
    plugins = gear.plugins()
    async with isp.write() as session:
        device_id = await devices.create(session, plugins, Vault(b"key"), name="RB1", kind="test.gear", config={"gear": "one"})
        await accesses.give(session, plugins, customer_id=customer_id, device_id=device_id, service_kind="PPPOE", key="budi")
        await blocks.block(session, customer_id, reason="menunggak")
    gear.GEARS.clear()


async def test_a_promise_is_made_once_and_within_the_days_that_the_isp_allows(isp: Isp, api: Api) -> None:
    budi = await person(isp, "Budi", "0812 3456 7890")
    await isp.open()
    await isp.generate()
    await _blocked(isp, budi)
    path = await path_of(api, budi)
    assert "Internet Anda terisolir" in words(await api.http.get(path))
    today = NOW.date()

    async def promise(days: int) -> Any:
        return await api.http.post(f"{path}/janji", data={"until": str(today + timedelta(days=days))})

    assert (await promise(9)).status_code == 400, "too late"
    assert (await promise(0)).status_code == 400, "today isn't a promise"
    assert (await promise(5)).status_code == 303
    assert "Anda berjanji membayar" in words(await api.http.get(path))
    assert (await promise(6)).status_code == 400, "once"
    (promised,) = await isp.rows("SELECT data->>'until_on', actor_name FROM event WHERE kind = 'customer.promised'")
    assert promised == (str(today + timedelta(days=5)), "customer's page")


async def test_where_customers_dont_promise_there_is_no_form(isp: Isp, api: Api) -> None:
    async with isp.write() as session:
        await settings.change(session, customer_promise_days=0)
    budi = await person(isp, "Budi", "0812 3456 7890")
    await isp.open()
    await isp.generate()
    path = await path_of(api, budi)
    assert "janji" not in (await api.http.get(path)).text
    assert (await api.http.post(f"{path}/janji", data={"until": str(NOW.date() + timedelta(days=2))})).status_code == 400


async def test_two_forms_at_once_are_one_promise(committed: Database) -> None:
    isp = await Isp.make(committed)
    async with isp.write() as session:
        await settings.change(session, customer_promise_days=7)
    budi = await person(isp, "Budi", "0812 3456 7890")
    await isp.open()
    await isp.generate()
    until_on = NOW.date() + timedelta(days=3)

    async def promise() -> bool:
        async with isp.write() as session:
            return await bill.promise(session, budi, until_on=until_on)

    assert sorted(await asyncio.gather(*(promise() for _ in range(8)))) == [False] * 7 + [True]


async def test_messages_lead_to_it_if_the_servers_address_is_known(database: Database) -> None:
    """A receipt's by WhatsApp, and the reminder of a collector's phone; not the receipt of who may not see what the customer owes."""
    isp = await Isp.make(database, "LKT01", "LKT02")
    customer_id = await isp.customer()
    payment = await isp.pay(customer_id, 1_000, counter_id=isp.counters["LKT02"])
    async with isp.write() as session:
        await make_user(session, "kasir2", Role.CLERK, "LKT02")
    receipt = "query($id: ID!) { receipt(paymentId: $id) { whatsApp } }"
    for public_url, address in ((None, None), ("https://billing.isp.id", "https://billing.isp.id/tagihan/")):
        api = Api(database, public_url=public_url)
        await api.sign_in()
        message = (await api.ask(receipt, id=f"pay_{payment.payment_id}"))["whatsApp"]
        (synced,) = (await api.ask("{ syncCustomers { customers { pageUrl } } }"))["customers"]
        if address is None:
            assert ("tagihan/" in message, synced["pageUrl"]) == (False, None)
        else:
            assert synced["pageUrl"] == address.removesuffix("/tagihan/") + await path_of(api, customer_id)
            assert synced["pageUrl"] in message
        await api.sign_in("kasir2")
        assert "tagihan/" not in (await api.ask(receipt, id=f"pay_{payment.payment_id}"))["whatsApp"]
