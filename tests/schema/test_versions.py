"""Versions: who changes what another has just changed is told, and nothing is undone unseen."""

import asyncio
from typing import Any

import pytest

from sebilling.actor import Role
from sebilling.db.engine import Database
from tests.auth.people import add
from tests.harness import Api, Isp

EDITED = {
    "Customer": ("updateCustomer", "customer", '{{ customer(id: "{id}") {{ {fields} }} }}'),
    "Plan": ("updatePlan", "plan", '{{ plan(id: "{id}") {{ {fields} }} }}'),
    "User": ("updateUser", "user", '{{ node(id: "{id}") {{ ... on User {{ {fields} }} }} }}'),
}


def change(mutation: str, payload: str, name: str, type_of_input: str) -> str:
    shown = f"{payload} {{ version {name} }} errors {{ code message field }}"
    return f"mutation($input: {type_of_input}!) {{ {mutation}(input: $input) {{ {shown} }} }}"


async def things(isp: Isp) -> dict[str, str]:
    return {
        "Customer": f"cus_{await isp.customer('A')}", "Plan": f"pla_{isp.plan_id}", "User": await add(isp, "sari", Role.FINANCE),
    }  # fmt: skip


@pytest.mark.parametrize("kind", EDITED)
async def test_a_change_on_the_sight_of_an_older_version_is_refused(database: Database, kind: str) -> None:
    isp = await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    public_id = (await things(isp))[kind]
    mutation, payload, query = EDITED[kind]
    document = change(mutation, payload, "name", f"Update{kind}Input")
    asked = query.format(id=public_id, fields="version name")
    assert (await api.ask(asked))["version"] == 1
    done = await api.do(document, input={"id": public_id, "name": "Yang pertama", "expectedVersion": 1})
    assert done[payload] == {"version": 2, "name": "Yang pertama"}
    refused = await api.refused(document, input={"id": public_id, "name": "Yang kedua", "expectedVersion": 1})
    assert refused == ("CONFLICT", ["input", "expectedVersion"])
    assert await api.ask(asked) == {"version": 2, "name": "Yang pertama"}
    assert (await api.do(document, input={"id": public_id, "name": "Tanpa versi"}))[payload]["version"] == 3


async def test_settings_and_counters_of_a_user_have_versions_too(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    api = Api(database)
    await api.sign_in()
    kasir = await add(isp, "kasir", Role.CLERK, "LKT01")
    document = change("updateUser", "user", "name", "UpdateUserInput")
    places = [f"cou_{isp.counters['LKT02']}"]
    assert (await api.do(document, input={"id": kasir, "counterIds": places, "expectedVersion": 1}))["user"]["version"] == 2
    assert (await api.refused(document, input={"id": kasir, "name": "Lain", "expectedVersion": 1}))[0] == "CONFLICT"
    settings = change("updateBillingSettings", "settings", "lateFee", "UpdateBillingSettingsInput")
    version = (await api.ask("{ billingSettings { version } }"))["version"]
    done = await api.do(settings, input={"lateFee": 5_000, "expectedVersion": version})
    assert done["settings"] == {"version": version + 1, "lateFee": 5_000}
    assert (await api.refused(settings, input={"lateFee": 9_000, "expectedVersion": version}))[0] == "CONFLICT"
    assert await api.ask("{ billingSettings { version lateFee } }") == done["settings"]


async def test_of_many_who_saw_the_same_version_one_succeeds(committed: Database) -> None:
    isp = await Isp.make(committed)
    api = Api(committed)
    await api.sign_in()
    all_things = await things(isp)
    for kind, (mutation, payload, query) in EDITED.items():
        document = change(mutation, payload, "name", f"Update{kind}Input")
        inputs: list[dict[str, Any]] = [{"id": all_things[kind], "name": f"Nama {number}", "expectedVersion": 1} for number in range(8)]
        answers = [(await answer)["data"][mutation] for answer in [asyncio.ensure_future(api.raw(document, input=one)) for one in inputs]]
        done = [answer[payload] for answer in answers if not answer["errors"]]
        assert len(done) == 1, kind
        assert sorted(error["code"] for answer in answers for error in answer["errors"]) == ["CONFLICT"] * 7
        assert await api.ask(query.format(id=all_things[kind], fields="version name")) == done[0]
