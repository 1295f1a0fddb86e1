"""Customers from a live router: checked first, all or none, each with their access; never a password."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sebilling.cli import imports
from sebilling.db.engine import Database
from sebilling.device_errors import DeviceBusy, InvalidDevice
from sebilling.errors import NotFound
from sebilling.network.engine import Engine
from tests.harness import NOW
from tests.isolation import routers
from tests.isolation.routers import KEY, Place, console, said

SUBSCRIBERS_PASSWORD = "sandi-pelanggan-1"


@pytest_asyncio.fixture
async def place(committed: Database) -> AsyncIterator[Place]:
    async with routers.place(committed, "LKT01", "LKT02") as made:
        yield made


def subscriber(place: Place, name: str, **more: str) -> None:
    place.router.add("/ppp/secret", name=name, password=SUBSCRIBERS_PASSWORD, **({"service": "pppoe", "profile": "10M"} | more))


async def bring(place: Place, wanted: str = "RB1", *, write: bool = True, counter: str = "LKT01") -> tuple[bool, str, str]:
    """Whether it went well, what was said, and what was wrong."""
    out, errors = console(), console()
    options = imports.Options(write=write, create_missing=True, out=out, errors=errors)
    done = await imports.run_device(wanted, place.engine, at=NOW, given=imports.FromDevice(counter), options=options)
    return done, said(out), said(errors)


async def counted(place: Place) -> list[int]:
    """Customers, plans and accesses."""
    return [await place.isp.value(f"SELECT count(*) FROM {table}") for table in ("customer", "plan", "service_access")]


async def test_first_it_is_shown_then_it_is_brought_in_with_accesses(place: Place) -> None:
    subscriber(place, "budi", comment="Budi Santoso - LKT02")
    subscriber(place, "siti", profile="20M", disabled="yes")
    subscriber(place, "0812", profile="default", comment="Wahyu")
    device_id = await place.device()
    done, out, errors = await bring(place, write=False)
    assert (done, errors) == (True, "")
    assert "3 customers, no faults" in out
    assert "Nothing was written" in out
    assert await counted(place) == [0, 1, 0]
    assert await place.isp.value("SELECT count(*) FROM event WHERE kind LIKE '%imported' OR kind LIKE 'service_access%'") == 0
    done, out, _ = await bring(place)
    assert done
    assert "3 customers were imported, each with their access on RB1" in out
    assert await place.isp.rows(
        "SELECT customer.code, customer.name, counter.code, plan.name, rate_down_kbps, rate_up_kbps, active, pppoe_name, installed_on::text"
        " FROM customer JOIN counter ON counter.id = counter_id JOIN plan ON plan.id = plan_id ORDER BY customer.id"
    ) == [
        ("budi", "Budi Santoso", "LKT02", "10M", 10_000, 5_000, True, "budi", "2026-02-03"),
        ("siti", "siti", "LKT01", "20M", 20_000, 10_000, False, "siti", "2026-02-03"),
        ("0812", "Wahyu", "LKT01", "default", None, None, True, "0812", "2026-02-03"),
    ]
    assert await place.isp.rows(
        "SELECT customer.code, device_id, service_kind, key, desired, actual, desired_generation, observed_generation FROM service_access"
        " JOIN customer ON customer.id = customer_id ORDER BY service_access.id"
    ) == [(name, device_id, "PPPOE", name, "ACTIVE", "UNKNOWN", 0, 0) for name in ("budi", "siti", "0812")]
    given = await place.isp.rows("SELECT data->>'key', counter.code FROM event JOIN counter ON counter.id = counter_id"
                                 " WHERE kind = 'service_access.given' ORDER BY event.id")  # fmt: skip
    assert given == [("budi", "LKT02"), ("siti", "LKT01"), ("0812", "LKT01")]
    everything = [await place.isp.rows(f"SELECT {table}::text FROM {table}") for table in ("customer", "service_access", "event", "plan")]
    assert SUBSCRIBERS_PASSWORD not in f"{everything}{out}"
    assert not [command for command in place.simulator.seen if not command[0].endswith("/print")], "the router was only read"
    assert not [command for command in place.simulator.seen if "password" in " ".join(command)], "passwords weren't asked for"


async def test_who_hangs_there_already_is_left_out_and_the_new_come_in(place: Place) -> None:
    subscriber(place, "budi")
    await place.device()
    assert (await bring(place))[0]
    subscriber(place, "siti")
    done, out, _ = await bring(place)
    assert done
    assert "has 2 customers, 1 of them are known here" in out
    assert await counted(place) == [2, 2, 2]
    done, out, _ = await bring(place)
    assert done
    assert "0 customers, no faults" in out
    assert await counted(place) == [2, 2, 2]
    assert await place.isp.value("SELECT count(*) FROM event WHERE kind = 'customers.imported'") == 2


async def test_each_fault_is_named_with_its_remedy_and_nothing_comes_in(place: Place) -> None:
    await place.isp.customer("lama", pppoe_name="lama")
    subscriber(place, "budi")
    subscriber(place, "wati", profile="isolir")
    subscriber(place, "lama")
    subscriber(place, "spasi ")
    subscriber(place, "a=b", comment="- LKT01")
    subscriber(place, "a?b")
    device_id = await place.device()
    done, _, errors = await bring(place, f"dev_{device_id}")
    assert not done
    for line, key, word in ((2, "wati", "it is blocked"), (3, "lama", "setServiceAccess"), (4, "spasi ", "spaces")):
        assert any(f"RB1:{line} ({key}): " in one and word in one for one in errors.splitlines()), (key, errors)
    assert "Nothing was imported: 3 faults" in errors
    assert await counted(place) == [1, 1, 0]


async def test_staff_and_tunnels_are_left_out_and_told(place: Place) -> None:
    subscriber(place, "budi")
    subscriber(place, "pop-bukit", service="sstp", comment="Tunnel ke POP Bukit")
    subscriber(place, "rumah 1")
    subscriber(place, "C", comment="024 C-LKT02")
    await place.device()
    done, out, errors = await bring(place)
    assert (done, errors) == (True, "")
    assert "1 accounts are no customers and were left out: pop-bukit (service sstp)." in " ".join(out.split())
    assert await place.isp.rows("SELECT code, name FROM customer ORDER BY id") == [
        ("budi", "budi"), ("rumah-1", "rumah 1"), ("C", "024 C-LKT02"),
    ]  # fmt: skip


async def test_an_invisible_mark_in_a_name_is_named(place: Place) -> None:
    subscriber(place, "budi\u200b")
    await place.device()
    done, _, errors = await bring(place)
    assert not done
    assert "U+200B" in errors


async def test_all_or_nothing_even_if_the_last_access_fails(place: Place) -> None:
    subscriber(place, "budi")
    subscriber(place, "siti")
    await place.device()
    async with place.isp.write() as session:
        await session.execute(text("ALTER TABLE service_access ADD CHECK (key <> 'siti')"))
    with pytest.raises(DBAPIError):
        await bring(place)
    assert await counted(place) == [0, 1, 0]
    assert await place.isp.value("SELECT count(*) FROM event WHERE kind IN ('plan.created', 'customer.created', 'customers.imported')") == 1


@pytest.mark.parametrize(("trouble", "word"), [("password", "password"), ("gone", "reached"), ("reset", "RB1"), ("trap", "permissions")])
async def test_a_router_that_gives_not_all_gives_nothing(place: Place, trouble: str, word: str) -> None:
    for number in range(50):
        subscriber(place, f"p{number}")
    await place.device(**{"password": "wrong"} if trouble == "password" else {})
    if trouble == "gone":
        await place.simulator.stop()
    elif trouble == "reset":
        place.simulator.faults.reset_after = 1
    elif trouble == "trap":
        place.simulator.faults.traps = {"/ppp/profile/print": ("2", "not enough permissions (9)")}
    done, _, errors = await bring(place)
    assert not done
    assert word in errors
    assert await counted(place) == [0, 1, 0]


async def test_a_device_that_cant_be_read(place: Place) -> None:
    await place.device("Antrean", "mikrotik.queue")
    with pytest.raises(InvalidDevice, match="can't list customers"):
        await bring(place, "Antrean")
    with pytest.raises(NotFound):
        await bring(place, "dev_9")
    with pytest.raises(NotFound):
        await bring(place, "9" * 30)


async def test_it_waits_for_whoever_is_at_work_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "WAIT_SECONDS", 0.4)
    device_id = await place.device()
    other = Engine(place.engine.database, place.engine.plugins, place.engine.vault, place.engine.clock, "other", random.Random(1))
    async with other.leases.hold(device_id) as mine:
        assert mine
        with pytest.raises(DeviceBusy):
            await bring(place)
    await other.close()
    assert place.simulator.seen == []
    assert (await bring(place))[0]


async def test_at_the_shell(place: Place, tmp_path: Path, committed_url: str) -> None:
    subscriber(place, "budi")
    await place.device()
    given = {"SEBILLING_DATABASE_URL": committed_url, "SEBILLING_SECRET_KEY": KEY}
    here = ("import", "mikrotik", "--device", "RB1")
    done = await routers.shell(tmp_path, *here, **given)
    assert done.returncode == 1, "there are counters and plans already: new ones are faults"
    done = await routers.shell(tmp_path, *here, "--create-missing", "--yes", "--counter", "LKT01", **given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 customers were imported" in done.stdout
    assert await counted(place) == [1, 2, 1]
    for both_or_none in (["import", "mikrotik"], ["import", "mikrotik", "file.rsc", "--device", "RB1"]):
        done = await routers.shell(tmp_path, *both_or_none, **given)
        assert done.returncode == 2
        assert "--device" in done.stderr
    done = await routers.shell(tmp_path, "import", "mikrotik", "--device", "RB9", **given)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "RB9" in done.stderr
