"""GraphiQL's prepared operations (schema/examples.graphql), about months and rows that there are: each works as it stands, in its order."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from typing import Final

from sqlalchemy import text

from sebilling.clock import JAKARTA, Month, local_date
from sebilling.db.engine import Database
from sebilling.nouns import Noun

_FOUND: Final = text(
    """
    SELECT (SELECT max(month) FROM period) AS month,
           customer.id AS customer, customer.counter_id AS counter, payable.outstanding AS amount,
           (SELECT id FROM invoice WHERE outstanding = total AND outstanding > 0 AND customer_id IS DISTINCT FROM customer.id
             LIMIT 1) AS invoice,
           (SELECT id FROM payment ORDER BY id DESC LIMIT 1) AS payment, deposit.id AS deposit, deposit.amount AS counted
      FROM (VALUES (1)) one (row)
      LEFT JOIN LATERAL (SELECT customer_id, outstanding FROM invoice
                          WHERE outstanding > 0 AND customer_id NOT IN (SELECT customer_id FROM billing_cycle)
                          LIMIT 1) payable ON true
      LEFT JOIN customer ON customer.id = payable.customer_id
      LEFT JOIN LATERAL (SELECT id, amount FROM deposit WHERE status = 'SUBMITTED' ORDER BY id LIMIT 1) deposit ON true
    """
)
_NAME: Final = re.compile(r"\b[A-Z]+_HERE\b")


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows to show; None: there is none yet."""

    month: date | None
    customer: int | None
    counter: int | None
    amount: int | None
    invoice: int | None
    payment: int | None
    deposit: int | None
    counted: int | None


_NONE: Final = _Rows(None, None, None, None, None, None, None, None)


async def prepared_operations(database: Database, *, at: datetime, with_rows: bool) -> str:
    """Return the document with its placeholders replaced; without rows, as if there were none yet. Raises DatabaseUnavailable.

    The rows are of any counter, with amounts: only who may read all of them may be shown any.
    """
    (rows,) = await database.fetch(_FOUND, {}, into=_Rows) if with_rows else [_NONE]
    values = _values(rows, this_month=Month.of(local_date(at, JAKARTA)))
    examples = files("sebilling.schema").joinpath("examples.graphql").read_text(encoding="utf-8")
    return _NAME.sub(lambda match: values[match[0].removesuffix("_HERE")], examples)


def _values(rows: _Rows, *, this_month: Month) -> Mapping[str, str]:
    """Value of each placeholder; where there is no row yet, the id of the first."""
    month = this_month if rows.month is None else Month.of(rows.month)
    unopened = this_month if rows.month is None else month.plus(1)
    return {
        "MONTH": str(month),
        "UNOPENED": str(unopened),
        "AFTER": month.after.isoformat(),
        "CUSTOMER": Noun.CUSTOMER.id(rows.customer or 1),
        "COUNTER": Noun.COUNTER.id(rows.counter or 1),
        "AMOUNT": str(rows.amount or 150_000),
        "INVOICE": Noun.INVOICE.id(rows.invoice or 1),
        "PAYMENT": Noun.PAYMENT.id(rows.payment or 1),
        "DEPOSIT": Noun.DEPOSIT.id(rows.deposit or 1),
        "COUNTED": str(rows.counted or 150_000),
        "KEY": secrets.token_hex(4),  # so that each page's keys are new
    }
