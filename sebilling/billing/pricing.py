"""The pricing rule: who is invoiced for a period, who isn't and why, for which days and how much.

One SQL text serves the preview, generation and (later) single invoices, so they can't disagree. Proration, discounts,
one-off charges and tax belong here: more columns of the same rows.
"""

from enum import StrEnum
from typing import Final


class SkipReason(StrEnum):
    """Why a customer gets no invoice in a period, besides having one already."""

    INACTIVE = "INACTIVE"
    NOT_INSTALLED_YET = "NOT_INSTALLED_YET"
    ZERO_AMOUNT = "ZERO_AMOUNT"


ISSUE: Final = "ISSUE"
ALREADY_INVOICED: Final = "ALREADY_INVOICED"


def priced(customers: str) -> str:
    """SQL with a row for every customer of `customers`, a FROM item called `customer`: what becomes of them in the period.

    `verdict` is ISSUE, ALREADY_INVOICED or a SkipReason. Binds `period`, `month` (its first day) and `after` (the day after its
    last). Service that was installed within the month is covered from then on.
    """
    return f"""
        SELECT customer.id, customer.counter_id, plan.name AS plan_name, coalesce(customer.price, plan.price) AS price,
               greatest(:month, customer.installed_on) AS covers_from,
               CASE WHEN invoice.id IS NOT NULL THEN 'ALREADY_INVOICED'
                    WHEN NOT customer.active THEN 'INACTIVE'
                    WHEN customer.installed_on >= :after THEN 'NOT_INSTALLED_YET'
                    WHEN coalesce(customer.price, plan.price) = 0 THEN 'ZERO_AMOUNT'
                    ELSE 'ISSUE' END AS verdict
          FROM {customers}
          JOIN plan ON plan.id = customer.plan_id
          LEFT JOIN invoice ON invoice.customer_id = customer.id AND invoice.period_id = :period
    """


COUNTED: Final = """
    count(*) AS seen, count(*) FILTER (WHERE verdict = 'ISSUE') AS issued,
    count(*) FILTER (WHERE verdict = 'ALREADY_INVOICED') AS already_invoiced,
    coalesce(sum(price) FILTER (WHERE verdict = 'ISSUE'), 0)::bigint AS total_amount,
    """ + ", ".join(f"count(*) FILTER (WHERE verdict = '{reason}') AS skipped_{reason.lower()}" for reason in SkipReason)
"""What became of priced rows, in columns."""


def skipped_by_reason(counts: object) -> dict[str, int]:
    """The reasons that occurred and their counts, from a row of COUNTED columns."""
    found = {reason.value: getattr(counts, f"skipped_{reason.lower()}") for reason in SkipReason}
    return {reason: count for reason, count in found.items() if count}
