"""The documents of docs/web.md, one for each screen, with values of a database for their variables."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PAGE: Final = (Path(__file__).parents[1] / "docs" / "web.md").read_text(encoding="utf-8")
DOCUMENTS: Final = re.findall(r"```graphql\n(.*?)```(?:\s*```json\n(.*?)```)?", PAGE, re.DOTALL)
"""Each document, and its variables as JSON, which may be empty."""
VALUES: Final = {
    "customerId": "SELECT 'cus_' || min(customer_id) FROM payment WHERE method = 'CASH'",
    "counterId": "SELECT 'cou_' || counter_id FROM customer WHERE id = (SELECT min(customer_id) FROM payment WHERE method = 'CASH')",
    "invoiceId": "SELECT 'inv_' || min(id) FROM invoice WHERE outstanding > 0",
    "paymentId": "SELECT 'pay_' || min(id) FROM payment",
    "deviceId": "SELECT 'dev_' || min(id) FROM device",
    "planId": "SELECT 'pla_' || min(id) FROM plan",
    "depositId": "SELECT 'dep_' || min(id) FROM deposit WHERE NOT EXISTS (SELECT FROM deposit_decision WHERE deposit_id = deposit.id)",
    "untilOn": "SELECT to_char(now() + interval '3 days', 'YYYY-MM-DD')",
    "userId": "SELECT 'usr_' || min(id) FROM app_user WHERE role = 'COLLECTOR'",
    "month": "SELECT to_char(max(month), 'YYYY-MM') FROM period",
    "effectiveFrom": "SELECT to_char(date_trunc('month', now()) + interval '3 months', 'YYYY-MM-DD')",
    "fromOn": "SELECT to_char(date_trunc('month', now()) + interval '2 months', 'YYYY-MM-DD')",
    "on": "SELECT to_char(date_trunc('month', now()) + interval '2 months', 'YYYY-MM-DD')",
}
"""Variables and inputs of these names get the value that this SQL reads."""


def name_of(document: str) -> str:
    """Return what the document's operation is called, such as `query Dashboard`."""
    return document.partition("(")[0].partition("{")[0].strip()


def filled(value: Any, known: Mapping[str, Any]) -> Any:
    """Return the page's variables, with the values that are known by their names."""
    if isinstance(value, dict):
        return {name: known[name] if name in known and inner is not None else filled(inner, known) for name, inner in value.items()}
    return value
