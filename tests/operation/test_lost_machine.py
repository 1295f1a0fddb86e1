"""A machine is lost under 50 payments a second, and everything on it; an empty one takes its place, by the manual's commands alone.

SEBILLING_TEST_LOST_MACHINE_SECONDS says for how long payments are recorded before; ordinarily 3 seconds.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sebilling_mikrotik.testing import Simulator

from sebilling.billing import plans
from sebilling.billing.isolation import policy
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.clock import Month, system_clock
from sebilling.db.embedded import embedded_database
from sebilling.db.engine import Database
from sebilling.schema.request.endpoint import PREFLIGHT
from tests import commands
from tests.harness import LAB, Isp
from tests.operation.clerks import Clerk, hired, recorded, recording, see_that_all_are_recorded
from tests.operation.manual import backup_commands
from tests.operation.router import blocked, connected_router
from tests.operation.test_metrics import free_port
from tests.processes import HttpApi, ServerProcess
from tests.storage import packed, receipt

SECONDS: Final = float(os.environ.get("SEBILLING_TEST_LOST_MACHINE_SECONDS", "3"))
CLERKS: Final = 8
PAUSE_SECONDS: Final = 0.16
"""Of each clerk: 50 payments a second in all."""
PRICE: Final = 150_000
SETTINGS: Final = {"SEBILLING_BACKUP_PASSPHRASE": "empat kata yang diingat", "SEBILLING_DEVICE_NETWORKS": LAB}
BLOCK: Final = "mutation($input: BlockCustomerInput!) { blockCustomer(input: $input) { errors { code } } }"
TEST: Final = "mutation($input: DeviceIdInput!) { testDevice(input: $input) { device { reachable } errors { code } } }"
DEVICES: Final = "{ devices { id } }"
ACCESSES: Final = "{ serviceAccesses(first: 200) { nodes { key desired inSync } } }"
SUBMIT: Final = "mutation($i: SubmitDepositInput!) { submitDeposit(input: $i) { deposit { id } errors { code message } } }"
PROOF: Final = "query($id: ID!) { proofLink(depositId: $id) { url } }"
PICTURE: Final = packed(receipt(), "PNG")


class Machine:
    """A server over the embedded database, in a folder of its own; at an address that its successor takes over."""

    def __init__(self, var: Path, port: int) -> None:
        self.var = var
        self.environment = {**SETTINGS, "SEBILLING_VAR": str(var), "SEBILLING_PORT": str(port)}

    @contextmanager
    def serving(self, **environment: str) -> Iterator[ServerProcess]:
        """Until the end of the block, or until it is killed there."""
        server = ServerProcess(None, **self.environment, **environment)
        try:
            yield server
        finally:
            server.stop()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Database]:
        """The database of the running server."""
        with embedded_database(self.var / "postgres", own=False) as url:
            database = Database(url, connections=2)
            try:
                yield database
            finally:
                await database.close()

    async def type(self, words: Sequence[str]) -> str:
        """A command that must succeed; gives what it printed."""
        done = await asyncio.to_thread(lambda: commands.run(words, folder=self.var.parent, **self.environment))
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def lose(self, server: ServerProcess) -> None:
        """Without a warning, with every file."""
        server.kill()
        data = (self.var / "postgres" / "server").resolve()
        shutil.rmtree(data)
        shutil.rmtree(self.var)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Place of both machines, and of the backups, which are elsewhere."""
    place = Path(tempfile.mkdtemp(prefix="sebilling-lost-machine-"))
    place.chmod(0o711)  # for the embedded server's user
    (place / "backups").mkdir()
    yield place
    shutil.rmtree(place)


@dataclass
class Scene:
    """The ISP and who works for it, who stays when the machine is lost; and its router."""

    isp: Isp
    admin: HttpApi
    clerks: Sequence[Clerk]
    till: Clerk
    """Where those pay who have access through the router."""
    people: Mapping[str, int]
    """By what becomes of them."""
    simulator: Simulator

    @property
    def everybody(self) -> Sequence[Clerk]:
        """Who records payments."""
        return [*self.clerks, self.till]

    def keys(self, *names: str) -> set[str]:
        """On the router."""
        return {f"c{self.people[name]}" for name in names}

    async def pay(self, *names: str) -> None:
        """All that they owe."""
        for name in names:
            await self.till.pay(self.people[name], PRICE)

    async def block_overdue(self, *names: str) -> None:
        """Let the next sweep block them: nobody else has such a policy."""
        async with self.isp.write(system_clock()) as session:
            for name in names:
                await policy.set_policy(session, mode=IsolationMode.FROM_DUE_DATE, days=1, customer_id=self.people[name])


NAMES: Final = ("owes nothing", "blocked by hand afterwards", "owes", "pays afterwards", "blocked afterwards, then pays")


@asynccontextmanager
async def scene(server: ServerProcess, database: Database) -> AsyncIterator[Scene]:
    """All have an invoice of two months ago, and nobody has paid."""
    isp, at = await Isp.make(database), system_clock() - timedelta(days=60)
    async with isp.write() as session:
        await plans.update(session, isp.plan_id, rate_down_kbps=10_000, rate_up_kbps=5_000)
    people = {name: await isp.customer() for name in NAMES}
    await isp.many_customers(5 * CLERKS)
    month = Month.of(at.date())
    await isp.open(month)
    await isp.generate(month, at=at)
    admin = HttpApi(server.address)
    async with admin.http:
        await admin.sign_in()
        clerks = await hired(isp, admin, CLERKS, pause_seconds=PAUSE_SECONDS)
        till = Clerk(CLERKS, admin.http, str(admin.token), [], 0)
        async with connected_router(admin, list(people.values())) as simulator:
            yield Scene(isp, admin, clerks, till, people, simulator)


async def deposit(at: Scene) -> tuple[str, str]:
    """Hand over some of what a clerk has received, with a picture; gives the deposit's id and the picture's link."""
    (counter,) = at.isp.counters.values()
    given = {"counterId": f"cou_{counter}", "amount": 1_000, "type": "TRANSFER", "idempotencyKey": str(uuid.uuid4()), "proof": None}
    form: Any = {
        "operations": (None, json.dumps({"query": SUBMIT, "variables": {"i": given}})),
        "map": (None, json.dumps({"0": ["variables.i.proof"]})),
        "0": ("bukti.png", PICTURE, "image/png"),
    }
    headers = {"Authorization": f"Bearer {at.till.token}", PREFLIGHT: "1"}
    submitted = (await at.admin.http.post("/graphql", files=form, headers=headers)).json()["data"]["submitDeposit"]
    assert submitted["errors"] == []
    deposit_id = str(submitted["deposit"]["id"])
    return deposit_id, (await at.admin.ask(PROOF, id=deposit_id))["url"]


async def see_device_answers(admin: HttpApi) -> None:
    """With the password that only the decrypted settings have."""
    (device,) = await admin.ask(DEVICES)
    assert (await admin.ask(TEST, input=device))["device"]["reachable"]


async def see_in_sync(at: Scene, *names: str) -> None:
    """Wait until exactly these are blocked, and nothing waits."""
    async with asyncio.timeout(30):
        while True:
            nodes = (await at.admin.ask(ACCESSES))["nodes"]
            wanted = {node["key"] for node in nodes if node["desired"] == "BLOCKED"}
            if all(node["inSync"] for node in nodes) and wanted == blocked(at.simulator) == at.keys(*names):
                return
            await asyncio.sleep(0.1)


async def backed_up(machine: Machine, at: Scene, folder: Path) -> dict[str, tuple[str, int]]:
    """Make a backup, as the manual says; gives what was acknowledged before."""
    before = {key: value for clerk in at.everybody for key, value in clerk.acknowledged.items()}
    await machine.type(backup_commands(folder)[0])
    return before


async def enter_again(at: Scene) -> int:
    """Send what the restored database doesn't know, as phones do with what they keep, and clerks by their papers; gives how many."""
    known = await recorded(at.isp)
    lost = [(clerk, key) for clerk in at.everybody for key in clerk.acknowledged if key not in known]
    for clerk, key in lost:
        await clerk.send(key)
    return len(lost)


async def test_all_that_a_lost_machine_had_acknowledged_comes_back(folder: Path) -> None:
    port = free_port()
    first, second = Machine(folder / "first", port), Machine(folder / "second", port)
    async with AsyncExitStack() as stack:
        server = stack.enter_context(first.serving(SEBILLING_INLINE_WORKER="false"))  # the test says when it blocks and restores
        async with first.opened() as database:
            at = await stack.enter_async_context(scene(server, database))
            await at.pay("owes nothing", "blocked by hand afterwards")
            await at.block_overdue("owes", "pays afterwards")
            await first.type(["isolation", "run"])
            assert blocked(at.simulator) == at.keys("owes", "pays afterwards")
            await at.block_overdue("blocked afterwards, then pays")
        await see_device_answers(at.admin)
        deposit_id, link = await deposit(at)
        picture = (await at.admin.http.get(link)).content
        began = time.monotonic()
        async with recording(at.clerks):
            await asyncio.sleep(SECONDS / 2)
            before = await backed_up(first, at, folder / "backups")
            await lose_what_follows(first, at)
            await asyncio.sleep(max(0, SECONDS - (time.monotonic() - began)))
            rate = sum(len(clerk.acknowledged) for clerk in at.clerks) / (time.monotonic() - began)
            first.lose(server)
            lost = time.monotonic()
            for words in backup_commands(folder / "backups")[1:]:
                await second.type(words)
            assert blocked(at.simulator) == at.keys("owes"), "whoever else may have paid since"
            stack.enter_context(second.serving())  # until the clerks have ended
            back = time.monotonic() - lost
        async with second.opened() as at.isp.database:
            kept = {key: value for key, value in (await recorded(at.isp)).items() if key in before}
            assert kept == before, "a payment that was acknowledged before the backup began is lost"
            again = await enter_again(at)
            await see_that_all_are_recorded(at.isp, at.everybody)
            await at.isp.check()
        await see_device_answers(at.admin)
        await see_in_sync(at, "owes")
        for url in (link, (await at.admin.ask(PROOF, id=deposit_id))["url"]):
            assert (await at.admin.http.get(url)).content == picture
    sys.stdout.write(
        f"{rate:.0f} payments a second; {len(before)} acknowledged before the backup, {again} entered again; back after {back:.1f} s\n"
    )


async def lose_what_follows(machine: Machine, at: Scene) -> None:
    """Change at the router, after the backup, what the restored database will know nothing of."""
    await at.pay("pays afterwards")
    await at.admin.ask(BLOCK, input={"customerId": f"cus_{at.people['blocked by hand afterwards']}", "reason": "kabel putus"})
    await machine.type(["isolation", "run"])
    assert blocked(at.simulator) == at.keys("owes", "blocked by hand afterwards", "blocked afterwards, then pays")
    await at.pay("blocked afterwards, then pays")
