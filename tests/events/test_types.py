"""mypy refuses a misspelt key of a payload, a row's number where an id belongs, and a misspelt field of an event."""

from pathlib import Path

from mypy import api

ROOT = Path(__file__).parents[2]
RIGHT = """
from sebilling.events import append
from sebilling.events.ids import CustomerId, InvoiceId
from sebilling.events.isp import CounterCreated, CounterValues
from sebilling.events.payments import CreditHeld, PaymentRecorded
from sebilling.db.engine import WriteSession
from sebilling.feed import Numbered
from sebilling.plugins.hookspecs import Event


async def write(session: WriteSession, event: Event, numbered: Numbered) -> None:
    payload = CreditHeld(customer_id=CustomerId.of(9), reason="")
    await append(session, payload, subject_id=event.subject_id)
    print(payload.reason, payload.kind.text, event.kind, numbered.kind, CounterCreated(after=CounterValues(name="", due_day=20)))
"""
WRONG = {
    'CreditHeld(customer_id=CustomerId.of(9), reson="")': "call-arg",
    'CreditHeld(customer_id=CustomerId.of(9))': "call-arg",
    'CreditHeld(customer_id=CustomerId.of(9), reason="", amount=1)': "call-arg",
    'CreditHeld(CustomerId.of(9), "")': "call-arg",
    'CreditHeld(customer_id=9, reason="")': "arg-type",
    'CreditHeld(customer_id="cus_9", reason="")': "arg-type",
    'CreditHeld(customer_id=InvoiceId.of(9), reason="")': "arg-type",
    'CounterValues(naem="", due_day=20)': "call-arg",
    "print(payload.resaon)": "attr-defined",
    "payload.reason = ''": "misc",
    "print(event.subjekt)": "attr-defined",
    "print(numbered.kidn)": "attr-defined",
    'await append(session, "credit.held", subject_id=1)': "arg-type",
    "await append(session, payload, subjekt_id=1)": "call-arg",
}  # fmt: skip


def test_mypy_refuses_what_is_misspelt(tmp_path: Path) -> None:
    """One run, each line of which must have just the error that it is there for."""
    first = len(RIGHT.splitlines()) + 1
    (tmp_path / "misspelt.py").write_text(RIGHT + "".join(f"    {line}\n" for line in WRONG))
    options = ["--config-file", str(ROOT / "pyproject.toml"), "--no-error-summary", "--cache-dir", str(ROOT / ".mypy_cache")]
    report, trouble, _ = api.run([*options, str(tmp_path / "misspelt.py")])
    assert trouble == ""
    found: dict[int, str] = {}
    for line in report.splitlines():
        place, _, message = line.partition(": error: ")
        if message:
            found.setdefault(int(place.split(":")[1]), message[message.rindex("[") + 1 : -1])
    assert found == {first + number: code for number, code in enumerate(WRONG.values())}, report
