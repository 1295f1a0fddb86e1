"""One type per person: everybody reads the name, the rest is for those who manage users, and the caller knows more of themselves."""

from sebilling.actor import Role
from sebilling.db.engine import Database
from tests.auth.people import SERVICE, add, bear, enter
from tests.harness import Api
from tests.schema.test_accounts import admin_api

ME = "{ me { user { id name } username role counters { code } } }"


async def test_a_clerk_knows_themselves_and_of_others_the_name(database: Database) -> None:
    isp, admin = await admin_api(database, "LKT01")
    sari = await add(isp, "sari", Role.CLERK, "LKT01")
    clerk = Api(database)
    assert (await enter(clerk, "sari"))["me"] == {"username": "sari", "role": "CLERK"}
    assert await clerk.ask(ME) == {
        "user": {"id": sari, "name": "sari"}, "username": "sari", "role": "CLERK", "counters": [{"code": "LKT01"}],
    }  # fmt: skip
    answer = await clerk.raw("{ me { user { id name username role } role } }")
    assert answer["data"] == {"me": {"user": {"id": sari, "name": "sari", "username": None, "role": None}, "role": "CLERK"}}
    assert [(error["path"], error["extensions"]["code"]) for error in answer["errors"]] == [
        (["me", "user", "username"], "FORBIDDEN"), (["me", "user", "role"], "FORBIDDEN"),
    ]  # fmt: skip
    listed = (await admin.ask("{ users { nodes { id name username role counters { code } } } }"))["nodes"]
    assert {"id": sari, "name": "sari", "username": "sari", "role": "CLERK", "counters": [{"code": "LKT01"}]} in listed


async def test_a_script_is_a_user_with_a_token_of_another_id(database: Database) -> None:
    _, admin = await admin_api(database)
    created = await admin.do(SERVICE, input={"name": "laporan", "role": "AUDITOR"})
    (token,) = await admin.ask("{ serviceTokens { id name user { id name username } } }")
    number = token["id"].removeprefix("tok_")
    assert token["user"] == {"id": f"usr_{number}", "name": "laporan", "username": "service:laporan"}
    script = Api(database)
    bear(script, created["token"])
    assert (await script.ask(ME))["user"] == {"id": f"usr_{number}", "name": "laporan"}
    assert [user["username"] for user in (await script.ask("{ users { nodes { username } } }"))["nodes"]] == ["admin"], "no script"
