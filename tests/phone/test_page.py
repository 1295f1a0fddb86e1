"""docs/phone.md: what app authors copy from it is right."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from graphql import Undefined, coerce_input_value, parse, validate

from sebilling.billing import payments, sync
from sebilling.schema.build import build_schema
from sebilling.schema.payments import MAX_OF_A_BATCH
from tests.phone.collector import example

PAGE = (Path(__file__).parents[2] / "docs" / "phone.md").read_text(encoding="utf-8")
SCHEMA: Any = build_schema()._schema
DOCUMENTS = re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)
OF_THE_EXAMPLE = [value for name, value in vars(example()).items() if name.isupper() and isinstance(value, str) and "{" in value]


def name_of(document: str) -> str:
    return document.partition("(")[0].partition("{")[0].strip()


@pytest.mark.parametrize("document", [*DOCUMENTS, *OF_THE_EXAMPLE], ids=name_of)
def test_documents_are_valid(document: str) -> None:
    assert validate(SCHEMA, parse(document)) == []


def test_the_page_has_the_whole_life_of_a_session() -> None:
    operations = {definition.selection_set.selections[0].name.value for one in DOCUMENTS for definition in parse(one).definitions}  # type: ignore[attr-defined]
    assert operations == {
        "signIn", "refreshSignIn", "syncCustomers", "recordPayments", "recordPayment", "receipt", "receiptLink", "signOut",
        "paymentRecorded", "isolationChanged", "payments", "me", "drawers", "submitDeposit", "promiseToPay",
    }  # fmt: skip
    assert len(OF_THE_EXAMPLE) == 5


def test_variables_are_those_of_the_schema() -> None:
    for variables in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL):
        for one in json.loads(variables)["payments"]:
            assert coerce_input_value(one, SCHEMA.type_map["RecordPaymentInput"]) is not Undefined


def test_bounds_are_those_of_the_code() -> None:
    assert f"At most {MAX_OF_A_BATCH} at a time" in PAGE
    assert f"more than {sync.MAX_EVENTS:,} things" in PAGE
    assert f"{payments.MAX_AHEAD.seconds // 60} minutes ahead" in PAGE
    assert f"more than {payments.MAX_PAST.days} days ago" in PAGE


def test_the_example_is_short_enough_to_read() -> None:
    assert len((Path(__file__).parents[2] / "examples" / "collector.py").read_text(encoding="utf-8").splitlines()) < 300
