"""docs/changing.md is true: each change is made on a copy of the tree, touches the files that it names, and passes there.

All are made one after the other on one copy, and then their documents are printed and their tests run once: each run starts a server and
migrates it.
"""

from pathlib import Path

from tests.changes import (
    Tree,
    add_a_field_to_customers,
    add_a_payment_method,
    add_an_event_kind,
    add_an_isolation_mode,
    example,
    let_it_be_changed,
)

STARTED = """
from sebilling.db.engine import Database
from tests.auth.people import START, enter
from tests.harness import PASSWORD, Api, Isp


async def test_each_secret_that_was_shown_is_recorded(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    await enter(api)
    for _ in range(2):
        await api.do(START, p=PASSWORD)
    written = "SELECT subject_id, data->'replaced' FROM event WHERE kind = 'user.totp_started' ORDER BY id"
    assert await isp.rows(written) == [(isp.admin.user_id, False), (isp.admin.user_id, True)]
"""


SAME_DAY = """
from datetime import UTC, date, datetime

from sebilling.actor import Role
from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.harness import Api, Isp, make_user


async def test_everybody_is_blocked_on_the_same_day(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    async with isp.write() as session:
        await make_user(session, "keuangan", Role.FINANCE)
        await make_user(session, "auditor", Role.AUDITOR)
    customer_id = await isp.customer(installed_on=date(2025, 1, 31))
    await api.sign_in("keuangan")
    policy = "mutation($i: SetIsolationPolicyInput!) { setIsolationPolicy(input: $i) { policy { id } errors { code } } }"
    await api.do(policy, i={"mode": "FROM_FIRST_OF_MONTH", "days": 9})
    await api.sign_in("auditor")
    on_the_first, on_the_second = datetime(2026, 1, 31, 18, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    for month, issued, blocked in ((2, on_the_first, "2026-02-10"), (3, on_the_second, "2026-04-10")):
        await isp.open(Month(2026, month))
        await isp.generate(Month(2026, month), at=issued)
        forecast = await api.ask("query($c: ID!) { isolationForecast(customerId: $c) { blockOn mode } }", c=f"cus_{customer_id}")
        assert forecast == {"blockOn": blocked, "mode": "FROM_FIRST_OF_MONTH"}
        await isp.pay(customer_id, 150_000, at=issued)
"""


NORTH = """
import pytest

from sebilling.actor import Role
from sebilling.db.engine import Database
from tests.harness import Api, Isp, make_user

CHANGE = "mutation($i: UpdateCustomerInput!) { updateCustomer(input: $i) { customer { latitudeMicrodegrees } errors { code field } } }"
READ = "query($id: ID!) { customer(id: $id) { latitudeMicrodegrees } }"


@pytest.mark.parametrize("role", Role)
async def test_who_reads_and_changes_the_latitude(database: Database, role: Role) -> None:
    isp, api = await Isp.make(database), Api(database)
    customer = f"cus_{await isp.customer()}"
    async with isp.write() as session:
        await make_user(session, "someone", role, *(["LKT01"] if role in {Role.CLERK, Role.COLLECTOR} else []))
    await api.sign_in("someone")
    assert await api.ask(READ, id=customer) == {"latitudeMicrodegrees": None}
    changed = await api.ask(CHANGE, i={"id": customer, "latitudeMicrodegrees": -6_208_763})
    if role not in {Role.ADMIN, Role.FINANCE}:
        assert changed["errors"][0]["code"] == "FORBIDDEN"
        assert await api.ask(READ, id=customer) == {"latitudeMicrodegrees": None}
        return
    assert changed == {"customer": {"latitudeMicrodegrees": -6_208_763}, "errors": []}
    written = await isp.value("SELECT data FROM event WHERE kind = 'customer.changed'")
    assert written == {"before": {"latitude_microdegrees": None}, "after": {"latitude_microdegrees": -6_208_763}}
    refused = await api.ask(CHANGE, i={"id": customer, "latitudeMicrodegrees": 90_000_001})
    assert refused["errors"] == [{"code": "INVALID_NUMBER", "field": ["input", "latitudeMicrodegrees"]}]
    assert await api.ask(READ, id=customer) == {"latitudeMicrodegrees": -6_208_763}
    await api.do(CHANGE, i={"id": customer, "clear": ["LATITUDE_MICRODEGREES"]})
    assert await api.ask(READ, id=customer) == {"latitudeMicrodegrees": None}
"""


CHANGES = (add_a_payment_method, add_an_event_kind, add_an_isolation_mode, add_a_field_to_customers, let_it_be_changed)


def test_each_change_touches_the_files_that_it_names_and_passes(tmp_path: Path) -> None:
    tree, tests = Tree(tmp_path), []
    commands: dict[str, str] = {}
    assert tree.changed() == set()
    for change in CHANGES:
        tree.documents.clear()
        files, its_tests = change(tree)
        assert tree.changed() | tree.documents.keys() == files, change.__name__
        commands |= tree.documents
        tests += its_tests
    tree.documents = commands
    tree.print_documents()
    assert tree.changed() == commands.keys()
    tree.write("tests/auth/test_totp_started.py", STARTED)
    *_, model = example("Add an isolation mode")
    tree.insert("tests/isolation/test_policy.py", "    IsolationMode.FROM_INSTALL_DATE: _of_installation,\n", model)
    tree.write("tests/isolation/test_first_of_month.py", SAME_DAY)
    tree.write("tests/schema/test_latitude.py", NORTH)
    tree.run(f"pytest -x -q -p no:cacheprovider {' '.join(dict.fromkeys(tests))}")
