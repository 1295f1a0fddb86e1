"""Row scopes: which rows of each table a caller who is limited to counters may see. See docs/decisions/0013.

A clerk or collector is limited to counters. Every statement of schema/engine/reading.py takes its limits from here, whatever the
resolver asked for: rows of another counter are treated as missing. A table that is not listed here is visible to the head office only.
"""

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class RowScope:
    """The rows of a table that a limited caller may see. `{t}` is the row's alias, `:scope` their counters, `:caller` their user id."""

    condition: str
    """SQL condition on the rows that they may see; empty: all rows."""
    by_link: str = ""
    """The condition on rows reached by a link, where it is wider; empty: `condition`."""
    is_part: bool = False
    """Never read by itself: visible together with the row to which it belongs."""
    one_by_one: str = ""
    """The condition on a row that is read by its id, where it is wider; empty: `condition`."""
    by_counter: bool = False
    """Whether `condition` means that the row's own `counter_id` is one of theirs, so that a page can be read counter by counter."""


EVERYBODYS: Final = RowScope("")
"""Rows of no counter, visible to every caller with the right role."""
CENTRAL: Final = RowScope("false")
"""Rows of the head office, derived from all counters; invisible to callers who are limited to counters."""
PART: Final = RowScope("", is_part=True)


def _at(counter: str) -> RowScope:
    return RowScope(f"{counter} = ANY (CAST(:scope AS bigint[]))")


_OF_CUSTOMER: Final = _at("(SELECT whose.counter_id FROM customer whose WHERE whose.id = {t}.customer_id)")
_AT_COUNTER: Final = replace(_at("{t}.counter_id"), by_counter=True)
_WITH_CUSTOMER: Final = replace(_AT_COUNTER, by_link=f"({_AT_COUNTER.condition} OR {_OF_CUSTOMER.condition})")
"""Listed for the counter at which it was made, and by links also visible to the counter to which its customer belongs now."""
_OWN_CASH: Final = RowScope(f"({_AT_COUNTER.condition} OR {{t}}.collector_id = :caller)")
"""Including what a user holds, or has handed over, for a counter that they have left."""
SCOPES: Final[dict[str, RowScope]] = {
    "account": CENTRAL,
    "allocation": PART,
    "app_user": RowScope(
        "({t}.id = :caller OR EXISTS (SELECT FROM user_counter works WHERE works.user_id = {t}.id"
        " AND works.counter_id = ANY (CAST(:scope AS bigint[]))))"
    ),
    "billing_cycle": PART,
    "charge": _OF_CUSTOMER,
    "counter": _at("{t}.id"),
    "customer": _AT_COUNTER,
    "deposit": _OWN_CASH,
    "deposit_correction": PART,
    "deposit_decision": PART,
    "device": CENTRAL,
    "difference_settlement": PART,
    "discount": _OF_CUSTOMER,
    "drawer": _OWN_CASH,
    "event": _AT_COUNTER,
    "generation_run": CENTRAL,
    "invoice": _WITH_CUSTOMER,
    "invoice_line": PART,
    "invoice_void": PART,
    "isolation_hold": CENTRAL,
    "isolation_policy": _at("coalesce({t}.counter_id, (SELECT whose.counter_id FROM customer whose WHERE whose.id = {t}.customer_id))"),
    "blackout_date": EVERYBODYS,
    "payment": replace(_WITH_CUSTOMER, one_by_one=f"({_AT_COUNTER.condition} OR {{t}}.received_by = :caller)"),
    "payment_reversal": PART,
    "period": EVERYBODYS,
    "period_closing": PART,
    "period_reopening": PART,
    "plan": EVERYBODYS,
    "proof": PART,
    "refund": PART,
    "refund_reversal": PART,
    "service_account": CENTRAL,
    "service_access": _OF_CUSTOMER,
    "settlement_reversal": PART,
    "write_off": PART,
    "write_off_reversal": PART,
}
"""Table → the scope of its rows."""


def scope_of(table: str) -> RowScope:
    """The scope of the table's rows; CENTRAL for a table that is not listed."""
    return SCOPES.get(table, CENTRAL)
