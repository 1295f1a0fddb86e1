"""Importing a spreadsheet through GraphQL: what the preview reports is what is added, and what is faulty adds nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sebilling.actor import Role
from sebilling.billing.imports import spreadsheet_import
from sebilling.db.engine import Database
from tests.harness import Api, Isp, make_user, see_that_inputs_exist

SAMPLES = Path(__file__).parents[1] / "samples"
GOOD, WRONG = (SAMPLES / "pelanggan.csv").read_bytes(), (SAMPLES / "pelanggan-salah.csv").read_bytes()
REPORT = (
    "report { file customers active faultCount notes counters { name isNew customers active withoutPhone }"
    " plans { name isNew price customers } columns { heading field source } balances { owing arrears ahead credit }"
    " faults { line column message } }"
)
PREVIEW = (
    f"mutation($input: PreviewImportInput!) {{ previewImport(input: $input) {{ {REPORT} fingerprint errors {{ code field message }} }} }}"
)
IMPORT = (
    "mutation($input: ImportCustomersInput!) { importCustomers(input: $input)"
    f" {{ {REPORT} imported replayed errors {{ code field message }} }} }}"
)
CREATE = {"createMissing": True}
BALANCES = b"""Kode;Nama;Loket;Paket;Harga;Tanggal Pasang;Tunggakan;Titipan
A1;Budi;LKT01;P;100000;2025-01-01;150000;
A2;Siti;LKT01;P;100000;2025-01-01;;50000
"""


@pytest_asyncio.fixture
async def isp(database: Database) -> Isp:
    made = await Isp.make(database)
    async with made.write() as session:
        await make_user(session, "kasir", Role.CLERK, "LKT01")
        await make_user(session, "keuangan", Role.FINANCE)
    return made


@pytest_asyncio.fixture
async def api(database: Database, isp: Isp) -> Api:
    made = Api(database)
    await made.sign_in("keuangan")
    return made


async def sent(api: Api, document: str, data: bytes, name: str = "pelanggan.csv", **given: Any) -> Any:
    """The payload of a mutation with this file."""
    fields: dict[str, Any] = {
        "operations": (None, json.dumps({"query": document, "variables": {"input": {"file": None, **given}}})),
        "map": (None, '{"0": ["variables.input.file"]}'),
        "0": (name, data, "text/csv"),
    }
    answer = (await api.http.post("/graphql", files=fields, headers={**api.headers, "GraphQL-Require-Preflight": "1"})).json()
    assert "errors" not in answer, answer
    see_that_inputs_exist(document, answer["data"])
    return next(iter(answer["data"].values()))


async def counts(isp: Isp) -> list[Any]:
    return [await isp.value(f"SELECT count(*) FROM {table}") for table in ("customer", "counter", "plan", "event", "import_column")]


async def test_what_is_previewed_is_imported_once(api: Api, isp: Isp) -> None:
    before = await counts(isp)
    previewed = await sent(api, PREVIEW, GOOD, options=CREATE)
    assert await counts(isp) == before, "a preview changes nothing"
    report = previewed["report"]
    assert (report["customers"], report["faultCount"], report["faults"], report["balances"]) == (300, 0, [], None)
    assert sum(one["customers"] for one in report["counters"]) == sum(one["customers"] for one in report["plans"]) == 300
    assert {one["name"]: one["isNew"] for one in report["counters"]}["LKT01"] is False
    assert all(one["isNew"] and one["price"] for one in report["plans"] if one["name"] != "Home 10M")
    assert {"heading": "Kode Pelanggan", "field": "CODE", "source": "HEADING"} in report["columns"]
    given = {"fingerprint": previewed["fingerprint"], "idempotencyKey": "import-key-1", "options": CREATE}
    done = await sent(api, IMPORT, GOOD, **given)
    assert (done["errors"], done["imported"], done["replayed"]) == ([], 300, False)
    assert {**done["report"], "notes": []} == {**report, "notes": []}
    after = await counts(isp)
    assert after[0] == 300
    again = await sent(api, IMPORT, GOOD, **given)
    assert (again["errors"], again["imported"], again["replayed"], again["report"]) == ([], None, True, None)
    assert await counts(isp) == after
    other = await sent(api, IMPORT, GOOD, **given | {"idempotencyKey": "import-key-2"})
    assert (other["imported"], other["report"]["faultCount"]) == (0, 600), "each code and each PPPoE name is there already"
    assert await counts(isp) == after
    assert await isp.value("SELECT actor_name FROM event WHERE kind = 'customers.imported'") == "keuangan"


async def test_faults_are_told_with_line_and_reason_and_add_nothing(api: Api, isp: Isp) -> None:
    before = await counts(isp)
    previewed = await sent(api, PREVIEW, WRONG, options=CREATE)
    assert previewed["fingerprint"] is None
    faults = previewed["report"]["faults"]
    assert len(faults) == previewed["report"]["faultCount"] > 5
    assert (3, "code") in {(fault["line"], fault["column"]) for fault in faults}
    assert all(fault["message"] for fault in faults)
    assert [fault["line"] for fault in faults] == sorted(fault["line"] for fault in faults)
    fingerprint = spreadsheet_import.Choices(create_missing=True).fingerprint(WRONG)
    given: dict[str, Any] = {"fingerprint": fingerprint, "idempotencyKey": "import-key-3", "options": CREATE}
    for _ in range(2):  # the key isn't used up by an import that added nothing
        done = await sent(api, IMPORT, WRONG, **given)
        assert (done["imported"], done["replayed"], len(done["report"]["faults"])) == (0, False, len(faults))
    assert await counts(isp) == before


async def test_another_file_or_other_options_than_previewed_are_refused(api: Api, isp: Isp) -> None:
    fingerprint = (await sent(api, PREVIEW, GOOD, options=CREATE))["fingerprint"]
    given = {"fingerprint": fingerprint, "idempotencyKey": "import-key-4"}
    for data, options in (
        (GOOD + b"\n", CREATE),
        (GOOD, {}),
        (GOOD, {**CREATE, "month": "2026-01"}),
        (GOOD, {**CREATE, "ignoreUnknown": True}),
    ):
        (error,) = (await sent(api, IMPORT, data, **given, options=options))["errors"]
        assert (error["code"], error["field"]) == ("INVALID_FILE", ["input", "fingerprint"])
    assert await isp.value("SELECT count(*) FROM customer") == 0


async def test_columns_are_mapped_and_remembered(api: Api, isp: Isp) -> None:
    data = b"Kode;Nama;Loket;Paket;Tanggal Pasang;Catatan;Aneh\nA1;Budi;LKT01;Home 10M;2025-01-01;Jalan Satu;x\n"
    (error,) = (await sent(api, PREVIEW, data))["errors"]
    assert (error["code"], error["field"]) == ("INVALID_FILE", ["input", "file"])
    options = {"columns": [{"heading": "Catatan", "field": "ADDRESS"}, {"heading": "Aneh"}]}
    previewed = await sent(api, PREVIEW, data, options=options)
    assert {(one["heading"], one["field"], one["source"]) for one in previewed["report"]["columns"]} >= {
        ("Catatan", "ADDRESS", "GIVEN"), ("Aneh", None, "GIVEN")
    }  # fmt: skip
    given = {"fingerprint": previewed["fingerprint"], "idempotencyKey": "import-key-5", "options": options}
    assert (await sent(api, IMPORT, data, **given))["imported"] == 1
    assert await isp.value("SELECT address FROM customer") == "Jalan Satu"
    again = await sent(api, PREVIEW, data.replace(b"A1", b"A2"))
    assert ("Catatan", "ADDRESS", "REMEMBERED") in {(one["heading"], one["field"], one["source"]) for one in again["report"]["columns"]}


async def test_balances_need_the_opening_month_and_are_the_callers(api: Api, isp: Isp) -> None:
    assert (await sent(api, PREVIEW, BALANCES, options=CREATE))["report"]["faultCount"] == 1
    options = {**CREATE, "month": "2026-01"}
    previewed = await sent(api, PREVIEW, BALANCES, options=options)
    assert previewed["report"]["balances"] == {"owing": 1, "arrears": 150_000, "ahead": 1, "credit": 50_000}
    given = {"fingerprint": previewed["fingerprint"], "idempotencyKey": "import-key-6", "options": options}
    assert (await sent(api, IMPORT, BALANCES, **given))["imported"] == 2
    assert await isp.rows("SELECT amount, username FROM payment JOIN app_user ON app_user.id = received_by") == [(50_000, "keuangan")]
    assert await isp.value("SELECT sum(outstanding)::bigint FROM invoice") == 150_000
    bad = await sent(api, PREVIEW, BALANCES, options={"month": "2026-13"})
    assert [(error["code"], error["field"]) for error in bad["errors"]] == [("INVALID_MONTH", ["input", "options", "month"])]
    await isp.check()


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"", "x.csv"), (b"<html>", "x.csv"), (b"PK\x03\x04zip", "x.xlsx"), (b"\xd0\xcf\x11\xe0", "x.xls"), (b"\0" * 100, "\0\u202e")],
)  # fmt: skip
async def test_what_is_no_table_is_refused_with_the_reason(api: Api, data: bytes, name: str) -> None:
    (error,) = (await sent(api, PREVIEW, data, name))["errors"]
    assert (error["code"], error["field"]) == ("INVALID_FILE", ["input", "file"])


async def test_files_are_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet_import, "MAX_ROWS", 299)
    (error,) = (await sent(api, PREVIEW, GOOD, options=CREATE))["errors"]
    assert error["code"] == "INVALID_FILE"
    assert "299" in error["message"]
    (error,) = (await sent(api, PREVIEW, GOOD + b" " * (5 << 20), options=CREATE))["errors"]
    assert error["code"] == "INVALID_FILE"
    assert "5 MB" in error["message"]


async def test_a_clerk_imports_nothing(database: Database, isp: Isp) -> None:
    clerk = Api(database)
    await clerk.sign_in("kasir")
    (error,) = (await sent(clerk, PREVIEW, GOOD, options=CREATE))["errors"]
    assert error["code"] == "FORBIDDEN"
