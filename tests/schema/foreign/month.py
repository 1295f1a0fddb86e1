"""A billing month as a client in Python walks through it.

    python month.py ariadne|sgqlc URL FOLDER PASSWORD

does so with a client that ariadne-codegen or sgqlc makes of FOLDER/schema.graphql. Both are installed apart from us (requirements.lock
beside this file), so nothing here imports anything of ours.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MONTH = "2026-02"
Run = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Execute the operation of month.graphql with this name and these variables; returns the data."""
# What clients of generated code send for inputs that the user left empty.
ABSENT = {"price": None, "dueDay": None, "pppoeName": None}


def month(run: Run, headers: MutableMapping[str, str], password: str) -> dict[str, Any]:
    """Open a month, bill two customers, take their money, correct a mistake, hand the cash over; returns the month's figures.

    `headers` are those of the client's requests.
    """

    def sign_in(username: str) -> None:
        headers["Authorization"] = f"Bearer {_done(run, 'SignIn', {'username': username, 'password': password})['token']}"

    sign_in("admin")
    setup = run("Setup", {})
    (counter,), (plan,) = setup["counters"]["nodes"], setup["plans"]["nodes"]
    place = {"counterId": counter["id"], "planId": plan["id"], "installedOn": "2025-01-31"}
    for code in ("ANI", "BENI"):
        _done(run, "CreateCustomer", {"code": code, "name": code.title(), **place, **ABSENT})
    twice = run("CreateCustomer", {"input": {"code": "ANI", "name": "", **place, **ABSENT}})["createCustomer"]
    _done(run, "OpenPeriod", {"month": MONTH, "confirm": True})
    wanted = {"month": MONTH, "idempotencyKey": "run-month", "counterIds": None, "previewToken": None}
    issued = _done(run, "GenerateInvoices", wanted)["run"]
    sign_in("kasir")
    owing, after = [], None
    while True:
        page = run("Owing", {"first": 1, "after": after})["customers"]
        owing += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    ani, beni = owing
    paid = _done(run, "RecordPayment", {
        "customerId": ani["id"], "amount": plan["price"], "idempotencyKey": "pay-ani-1", "method": "CASH", "counterId": None,
        "collectedAt": None, "invoiceIds": [invoice["id"] for invoice in ani["openInvoices"]],
    })["payment"]  # fmt: skip
    # Dart's DateTime.now().toIso8601String() has no offset: its payment is refused, the others of the batch are not.
    times = {50_000: "2026-02-03T08:30:00.000", 60_000: "2026-02-03T01:30:00.000Z"}
    outbox = [
        {"customerId": beni["id"], "amount": amount, "idempotencyKey": f"offline-{amount}", "collectedAt": at, "counterId": None}
        for amount, at in times.items()
    ]
    first, second = _done(run, "RecordPayments", {"payments": outbox})["results"]
    outbox[0]["collectedAt"] = "2026-02-03T01:30:00.000Z"  # .toUtc()
    again = _done(run, "RecordPayments", {"payments": outbox})["results"]
    handed_over = {"counterId": counter["id"], "amount": 200_000, "idempotencyKey": "deposit-1", "type": "MANUAL", "collectorId": None}
    deposit = _done(run, "SubmitDeposit", handed_over)["deposit"]
    sign_in("admin")
    wrong = {"paymentId": second["payment"]["id"], "reason": "Salah pelanggan", "idempotencyKey": "reverse-60"}
    _done(run, "ReversePayment", wrong)
    verified = _done(run, "VerifyDeposit", {"depositId": deposit["id"], "idempotencyKey": "verify-1", "counted": None})["deposit"]
    (recap,) = run("Recap", {"month": MONTH})["recap"]
    return {
        "refused": sorted(f"{error['code']} {'.'.join(error['field'])}" for error in twice["errors"]),
        "issued": [issued["status"], issued["issued"], issued["totalAmount"]],
        "owing": [[customer["name"], customer["outstanding"]] for customer in owing],
        "paid": [paid["customer"]["outstanding"], [allocation["invoice"]["status"] for allocation in paid["allocations"]]],
        "offline": [[[error["code"] for error in result["errors"]], result["replayed"]] for result in (first, second, *again)],
        "deposit": verified["status"],
        "recap": recap,
    }  # fmt: skip


def _done(run: Run, name: str, given: dict[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = next(iter(run(name, {"input": given}).values()))
    if payload["errors"]:
        raise SystemExit(f"{name}: {payload['errors']}")
    return payload


def _called(*command: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", *command], cwd=folder, check=True, stdout=sys.stderr)


def ariadne(url: str, folder: Path) -> tuple[Run, MutableMapping[str, str]]:
    """The client of ariadne-codegen: a method and models of pydantic for each operation."""
    (folder / "pyproject.toml").write_text(
        f'[tool.ariadne-codegen]\nschema_path = "schema.graphql"\nqueries_path = "{HERE / "month.graphql"}"\n'
        'target_package_name = "ariadne_client"\nasync_client = false\n'
        '[tool.ariadne-codegen.scalars.Rupiah]\ntype = "int"\n'
        '[tool.ariadne-codegen.scalars.Date]\ntype = "str"\n'
        '[tool.ariadne-codegen.scalars.DateTime]\ntype = "str"\n'
        '[tool.ariadne-codegen.scalars.Month]\ntype = "str"\n'
    )
    _called("ariadne_codegen", folder=folder)
    made = importlib.import_module("ariadne_client")
    client = made.Client(url=url)

    def run(name: str, variables: dict[str, Any]) -> dict[str, Any]:
        given = {key: getattr(made, f"{name}Input")(**value) if key == "input" else value for key, value in variables.items()}
        return dict(getattr(client, snake_case(name))(**given).model_dump(mode="json", by_alias=True))

    return run, client.http_client.headers


def sgqlc(url: str, folder: Path) -> tuple[Run, MutableMapping[str, str]]:
    """The client of sgqlc: types of Python for the schema, and selections of them for each operation."""
    graphql = importlib.import_module("graphql")
    schema = graphql.build_schema((folder / "schema.graphql").read_text())
    (folder / "schema.json").write_text(json.dumps(graphql.introspection_from_schema(schema)))
    _called("sgqlc.codegen", "schema", "schema.json", "sgqlc_schema.py", folder=folder)
    _called(
        "sgqlc.codegen",
        "operation",
        "--schema",
        "schema.json",
        "sgqlc_schema",
        "sgqlc_operations.py",
        str(HERE / "month.graphql"),
        folder=folder,
    )
    operations = importlib.import_module("sgqlc_operations").Operations
    endpoint = importlib.import_module("sgqlc.endpoint.http").HTTPEndpoint(url)

    def run(name: str, variables: dict[str, Any]) -> dict[str, Any]:
        operation = getattr(operations.query, snake_case(name), None) or getattr(operations.mutation, snake_case(name))
        answer = endpoint(operation, variables)
        if answer.get("errors"):
            raise SystemExit(f"{name}: {answer['errors']}")
        data: dict[str, Any] = (operation + answer).__to_json_value__()  # through its types
        return data

    return run, endpoint.base_headers


def snake_case(name: str) -> str:
    """The name of an operation as both write it in Python."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


if __name__ == "__main__":
    _, client, url, folder, password = sys.argv
    sys.path.insert(0, folder)
    run, headers = {"ariadne": ariadne, "sgqlc": sgqlc}[client](url, Path(folder))
    sys.stdout.write(json.dumps(month(run, headers, password)))
