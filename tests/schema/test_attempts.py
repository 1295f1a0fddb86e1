"""Attempts from outside to see or change what is another counter's: each is refused, and tells nothing."""

import base64
import json
from typing import Any

import orjson
import pytest_asyncio
from sqlalchemy import text

from sebilling import keys
from sebilling.actor import Role
from sebilling.auth import links
from sebilling.db.engine import Database
from tests.harness import NOW, SECRET_KEY, Api
from tests.isolation.gear import Gear
from tests.schema.two_counters import MARK, MARKED_FROM, World, call, make, marks

KEY = keys.derived(SECRET_KEY)
AT_ONCE = 20
"""Root fields that one document may have."""


@pytest_asyncio.fixture
async def clerk(world: World) -> Api:
    api = Api(world.isp.database)
    await api.sign_in("kasir")
    return api


async def test_by_id_or_code(world: World, clerk: Api) -> None:
    for root in ("counter", "customer", "invoice", "payment", "deposit"):
        assert await clerk.ask(call(root, world.own, "{ id }")) is not None
        assert await clerk.ask(call(root, world.other, "{ id }")) is None
        assert await clerk.ask(call(root, world.none, "{ id }")) is None
    assert await clerk.ask(f'{{ customer(code: "{MARK}-1") {{ name }} }}') is None
    assert await clerk.ask('{ counter(code: "zqx") { name } }') is None
    assert await clerk.ask('{ customer(code: "OWN-1") { name } }') == {"name": "Budi"}


async def test_by_guessing_every_id(world: World, clerk: Api) -> None:
    """Each id that there is, whosever, and those around it; in between, tests before this one took thousands."""
    for root, prefix in (("payment", "pay"), ("invoice", "inv"), ("deposit", "dep")):
        there = [row[0] for row in await world.isp.rows(f"SELECT id FROM {root} ORDER BY id")]
        guessed = sorted({row_id + step for row_id in there for step in (-1, 0, 1)} - {0})
        guessed += range(guessed[-1] + 1, guessed[-1] + 1 + AT_ONCE - len(guessed) % AT_ONCE)
        variables = ", ".join(f"$g{number}: ID!" for number in range(AT_ONCE))
        guesses = " ".join(f"g{number}: {root}(id: $g{number}) {{ counter {{ code }} }}" for number in range(AT_ONCE))
        answers: list[Any] = []
        for first in range(0, len(guessed), AT_ONCE):
            ids = {f"g{number}": f"{prefix}_{row_id}" for number, row_id in enumerate(guessed[first : first + AT_ONCE])}
            answer = await clerk.raw(f"query({variables}) {{ {guesses} }}", **ids)
            assert "errors" not in answer
            answers += answer["data"].values()
        assert len(answers) == len(guessed) > len(there) > answers.count({"counter": {"code": "OWN"}}), "others have some too"
        assert [found for found in answers if found is not None and found != {"counter": {"code": "OWN"}}] == []
        assert {"counter": {"code": "OWN"}} in answers, root


def forged(order: str, key: Any, row_id: int) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([order, key, row_id])).decode().rstrip("=")


async def test_by_a_forged_cursor(world: World, clerk: Api) -> None:
    everything = {}
    for noun in ("payments", "invoices", "deposits", "customers"):
        below = "{ nodes { id } pageInfo { endCursor startCursor } totalCount }"
        everything[noun] = await clerk.ask(f"{{ {noun}(first: 200) {below} }}")
        own = {one["id"] for one in everything[noun]["nodes"]}
        for row_id in (1, world.isp.counters["ZQX"], 2**62):
            for order, key in (("newest", row_id), ("code", ""), ("code", MARK)):
                answer = await clerk.raw(f'{{ {noun}(first: 200, after: "{forged(order, key, row_id)}") {below} }}')
                if "errors" in answer:
                    assert answer["errors"][0]["extensions"]["code"] == "INVALID_CURSOR"
                else:
                    assert {one["id"] for one in answer["data"][noun]["nodes"]} <= own
                    assert answer["data"][noun]["totalCount"] == len(own)
    admin = Api(world.isp.database)
    await admin.sign_in()
    cursor = (await admin.ask("{ payments(first: 1) { pageInfo { endCursor } } }"))["pageInfo"]["endCursor"]
    answer = await clerk.ask(f'{{ payments(first: 200, after: "{cursor}") {{ nodes {{ counter {{ code }} }} }} }}')
    assert {one["counter"]["code"] for one in answer["nodes"]} <= {"OWN"}
    for wrong in (forged("newest", "1; DROP TABLE payment", 1), forged("newest", 1, 0), "x", forged("newest", 1.5, 1), "é" * 9):
        assert await clerk.top_error(f'{{ payments(after: "{wrong}") {{ totalCount }} }}') == "INVALID_CURSOR"


async def test_by_a_filter(world: World, clerk: Api) -> None:
    for noun, filters in {
        "payments": ("counterIds", "customerId"), "invoices": ("counterIds", "customerId"), "deposits": ("counterIds", "collectorId"),
        "customers": ("counterIds",), "serviceAccesses": ("customerId",), "promises": ("counterIds", "customerId"),
    }.items():  # fmt: skip
        for name in filters:
            noun_of = {"counterIds": "counter", "customerId": "customer", "collectorId": "user"}[name]
            assert (await clerk.ask(f'{{ {noun}(filter: {{{name}: "{world.own[noun_of]}"}}) {{ totalCount }} }}'))["totalCount"] > 0
            for ids in (world.other, world.none):
                found = await clerk.ask(f'{{ {noun}(filter: {{{name}: "{ids[noun_of]}"}}) {{ totalCount nodes {{ id }} }} }}')
                assert found == {"totalCount": 0, "nodes": []}, (noun, name)
    for search in (MARK, "899777", "0899777", "%", "_", "Pelanggan"):
        found = await clerk.ask("query($s: String) { customers(filter: {search: $s}) { nodes { name phone } } }", s=search)
        assert marks(found) == []


async def test_by_proof_receipt_and_invoice_links(world: World, clerk: Api) -> None:
    for root, noun in (("proofLink", "deposit"), ("receiptLink", "payment"), ("invoiceLink", "invoice"), ("receipt", "payment")):
        below = "{ number }" if root == "receipt" else "{ url }"
        assert "errors" not in await clerk.raw(call(root, world.own, below))
        told = []
        for ids in (world.other, world.none):
            (error,) = (await clerk.raw(call(root, ids, below)))["errors"]
            assert error["extensions"]["code"] == "NOT_FOUND"
            told.append(error["message"].replace(ids[noun], "…"))
        assert told[0] == told[1]


def number(given: str) -> int:
    return int(given.partition("_")[2])


async def test_by_a_link_that_was_signed_when_one_still_could(world: World, clerk: Api) -> None:
    """Whoever has lost a counter since, or got a link from somebody else, is asked again at the download."""
    user = await world.isp.value("SELECT id FROM app_user WHERE username = 'kasir'")
    about: dict[str, dict[str, Any]] = {
        "receipt": {"payment": number(world.other["payment"]), "paper": "MM58"}, "invoice": {"invoice": number(world.other["invoice"])},
        "proof": {"deposit": number(world.other["deposit"])},
    }  # fmt: skip
    refusals = set()
    for kind, what in about.items():
        for ids in (what, {name: 999_999_999 if isinstance(one, int) else one for name, one in what.items()}):
            token = links.sign(links.Link(kind, ids, user), key=KEY, at=NOW)
            answer = await clerk.http.get(f"/downloads/{token}")
            assert answer.status_code == 404
            refusals.add(
                "".join(one for one in answer.text if not one.isdecimal()).replace(kind, "").replace("payment", "").replace("pay", "")
            )
            other = await world.isp.value("SELECT id FROM app_user WHERE role = 'TECHNICIAN'")
            token = links.sign(links.Link(kind, ids, other), key=KEY, at=NOW)
            assert (await clerk.http.get(f"/downloads/{token}")).status_code == 404, "a role that sees no money"
        own = {name: number(world.own[name]) if isinstance(one, int) else one for name, one in what.items()}
        if kind != "proof":  # of which only the row was planted, not the file
            good = links.sign(links.Link(kind, own, user), key=KEY, at=NOW)
            assert (await clerk.http.get(f"/downloads/{good}")).status_code == 200
    forged_link = links.sign(links.Link("report", {"report": "PAYMENTS", "month": "2026-02", "format": "CSV"}, 1), key=b"guessed", at=NOW)
    assert (await clerk.http.get(f"/downloads/{forged_link}")).status_code == 404


async def test_by_an_export(committed: Database, gear: Gear) -> None:
    """Committed: a report is made by a process of its own."""
    clerk, admin = Api((await make(committed)).isp.database), Api(committed)
    await clerk.sign_in("kasir")
    await admin.sign_in()
    for report in ("INVOICES", "PAYMENTS", "DEPOSITS", "JOURNAL", "RECAP"):
        document = f'{{ reportLink(report: {report}, month: "2026-02", format: CSV) {{ url }} }}'
        mine, whole = [(await api.http.get((await api.ask(document))["url"])).text for api in (clerk, admin)]
        assert "OWN" in mine
        assert MARK in whole.lower()
        lines = [line for line in mine.splitlines() if MARK in line.lower() or str(MARKED_FROM)[:3] in line.replace(".", "")]
        assert lines == []
        assert set(mine.splitlines()) - {mine.splitlines()[-1]} <= set(whole.splitlines()), "rows as they are, but for the sums of a recap"


async def test_by_a_recap_and_drawers(world: World, clerk: Api) -> None:
    for document in ('{ recap(month: "2026-02") { counter { code } totalBilled } }', "{ drawers { counter { code } onHand } }"):
        assert {one["counter"]["code"] for one in await clerk.ask(document)} == {"OWN"}
    other, none = [
        (await clerk.raw(f'{{ recap(month: "2026-02", counterId: "{ids["counter"]}") {{ totalBilled }} }}'))["errors"][0]
        for ids in (world.other, world.none)
    ]
    assert other["extensions"] == none["extensions"]
    assert await clerk.ask(f'{{ drawers(counterId: "{world.other["counter"]}") {{ onHand }} }}') == []
    assert await clerk.ask(f'{{ drawers(collectorId: "{world.other["user"]}") {{ onHand }} }}') == []


async def test_by_a_replayed_key_of_somebody_else(world: World, clerk: Api) -> None:
    """Keys belong to a user: the same key from another is another deed, on which the same bounds hold."""
    document = "mutation($i: RecordPaymentInput!) { recordPayment(input: $i) { payment { id } replayed errors { code field message } } }"
    given = {
        "customerId": world.other["customer"],
        "amount": MARKED_FROM * 3 + 50_000,
        "idempotencyKey": f"pay-{MARK}-1",
        "note": f"catatan {MARK}",
    }
    assert await clerk.refused(document, i=given) == ("NOT_FOUND", ["input", "customerId"])


async def test_mass_assignment(world: World, clerk: Api) -> None:
    """Fields that an input doesn't have are refused, and change nothing; those that it has are checked like any."""
    document = "mutation($i: RecordPaymentInput!) { recordPayment(input: $i) { payment { id } errors { code } } }"
    base = {"customerId": world.own["customer"], "amount": 1_000, "idempotencyKey": "mass-assignment-1"}
    before = await world.isp.value("SELECT count(*) FROM payment")
    for extra in (
        {"receivedBy": 1}, {"received_by": 1}, {"receivedAt": "2020-01-01T00:00:00Z"}, {"id": "pay_1"}, {"credit": 10**9}, {"scope": None},
        {"counter_id": 2}, {"actor": {"role": "ADMIN"}}, {"__proto__": {"role": "ADMIN"}}, {"receiptNumber": "KW/1"},
    ):  # fmt: skip
        answer = await clerk.raw(document, i={**base, **extra})
        assert answer["errors"], extra
        assert (answer.get("data") or {}).get("recordPayment") is None
    assert await world.isp.value("SELECT count(*) FROM payment") == before
    foreign = {**base, "counterId": world.other["counter"]}
    assert (await clerk.ask(document, i=foreign))["errors"] == [{"code": "NOT_FOUND"}]
    submit = "mutation($i: SubmitDepositInput!) { submitDeposit(input: $i) { deposit { id } errors { code } } }"
    deposit = {"counterId": world.own["counter"], "amount": 1, "idempotencyKey": "mass-assignment-2"}
    assert (await clerk.ask(submit, i={**deposit, "collectorId": world.other["user"]}))["errors"] == [{"code": "FORBIDDEN"}]
    assert (await clerk.raw(submit, i={**deposit, "status": "VERIFIED"}))["errors"]
    assert (await clerk.ask(submit, i={**deposit, "counterId": world.other["counter"]}))["errors"] == [{"code": "NOT_FOUND"}]


async def test_a_clerk_who_makes_himself_admin(world: World, clerk: Api) -> None:
    user = world.own["user"]
    for document in (
        f'mutation {{ updateUser(input: {{id: "{user}", role: ADMIN}}) {{ errors {{ code }} }} }}',
        'mutation { createUser(input: {username: "saya.juga", name: "Saya", role: ADMIN, idempotencyKey: "saya-1234"}) {errors {code}}}',
        f'mutation {{ resetPassword(input: {{id: "usr_{world.isp.admin.user_id}"}}) {{ oneTimePassword errors {{ code }} }} }}',
    ):
        (payload,) = (await clerk.raw(document))["data"].values()
        assert [one["code"] for one in payload["errors"]] == ["FORBIDDEN"], document
        assert payload.get("oneTimePassword") is None
    rename = "mutation($i: SignInInput!) { signIn(input: $i) { token errors { code } } }"
    answer = await clerk.raw(rename, i={"username": "kasir", "password": "x", "role": "ADMIN", "counters": ["ZQX"]})
    assert answer["errors"]
    assert await world.isp.value("SELECT role FROM app_user WHERE username = 'kasir'") == Role.CLERK
    assert (await clerk.ask("{ me { role counters { code } } }")) == {"role": "CLERK", "counters": [{"code": "OWN"}]}


async def test_what_a_counter_is_taken_away_from_is_gone_with_the_next_request(world: World, clerk: Api) -> None:
    assert (await clerk.ask("{ payments { totalCount } }"))["totalCount"] > 0
    async with world.isp.write() as session:
        await session.execute(text("DELETE FROM user_counter WHERE user_id = (SELECT id FROM app_user WHERE username = 'kasir')"))
    assert (await clerk.ask("{ payments { totalCount } }"))["totalCount"] == 0
    assert await clerk.ask(call("customer", world.own, "{ name }")) is None
    assert (await clerk.ask("{ counters { totalCount } }"))["totalCount"] == 0


async def test_auditors_read_the_log_by_every_filter(world: World) -> None:
    api = Api(world.isp.database)
    await api.sign_in("auditor")

    async def found(where: str) -> list[Any]:
        document = (
            f"{{ events(first: 200, filter: {{{where}}}) {{ nodes {{ kind actor subject subjectId counter {{ code }} at data }} }} }}"
        )
        return list((await api.ask(document))["nodes"])

    everything = await found("")
    assert {one["kind"] for one in await found('kind: "payment.recorded"')} == {"payment.recorded"}
    assert {one["kind"] for one in await found('kind: "payment."')} == {"payment.recorded", "payment.reversed"}
    assert await found('kind: "pay"') == []
    several = {one["kind"] for one in await found('kinds: ["payment.reversed", "deposit", "pay"]')}
    assert "payment.reversed" in several
    assert {kind.partition(".")[0] for kind in several - {"payment.reversed"}} == {"deposit"}
    assert await found("kinds: []") == []
    assert {one["actor"] for one in await found('actor: "kasir biasa"')} == {"kasir biasa"}
    teller = world.own["user"]
    assert {one["actor"] for one in await found(f'actorId: "{teller}", kind: "payment"')} == {"kasir biasa"}
    payment = number(world.own["payment"])
    history = await found(f'subjectId: "pay_{payment}"')
    assert [(one["kind"], one["subjectId"]) for one in history] == [("payment.recorded", f"pay_{payment}")]
    assert history[0]["data"]["amount"] == 53_000
    assert {one["counter"]["code"] for one in await found(f'counterId: "{world.own["counter"]}"')} == {"OWN"}
    middle = "2026-02-03T02:00:30Z"
    before, after = await found(f'until: "{middle}"'), await found(f'since: "{middle}"')
    assert {one["kind"] for one in after} >= {"deposit.verified"}
    assert len(before) + len(after) == len(everything)
    for wrong in ('subjectId: "1"', 'subjectId: "pay_"', 'subjectId: "pay_x"', f'subjectId: "pay_{10**20}"'):
        assert await api.top_error(f"{{ events(filter: {{{wrong}}}) {{ totalCount }} }}") in {"INVALID_TEXT", "INVALID_ID"}
    assert "rahasia-sekali" not in json.dumps(everything)
    await api.sign_in("kasir")
    assert await api.top_error("{ events { totalCount } }") == "FORBIDDEN"
