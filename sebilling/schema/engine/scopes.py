"""RowScope each row is: beside which counter's rows every read is bounded, in one place. See docs/decisions/0013.

A clerk or collector is bounded to counters. Every statement of schema/engine/reading.py takes its bounds from here, whatever the
resolver asked for: rows of another counter are as if they weren't there. A table that isn't named here is the centre's.
"""

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class RowScope:
    """What bounded readers see of a table. `{t}` is the row's alias, `:scope` their counters, `:caller` their own user."""

    condition: str
    """SQL that holds for the rows that they see; empty: for every row."""
    by_link: str = ""
    """The same for rows that a link leads to, where that is wider; empty: `condition`."""
    is_part: bool = False
    """Never read by itself: seen with the row it hangs on."""
    one_by_one: str = ""
    """The same for a row that is read by its id, where that is wider; empty: `condition`."""
    by_counter: bool = False
    """`condition` says that the row's own `counter_id` is one of theirs: a page of them can be read counter by counter."""


EVERYBODYS: Final = RowScope("")
"""No counter's: the same for everybody who may ask."""
CENTRAL: Final = RowScope("false")
"""The centre's, made of every counter's: who is bounded to counters sees none."""
PART: Final = RowScope("", is_part=True)


def _at(counter: str) -> RowScope:
    return RowScope(f"{counter} = ANY (CAST(:scope AS bigint[]))")


_OF_CUSTOMER: Final = _at("(SELECT whose.counter_id FROM customer whose WHERE whose.id = {t}.customer_id)")
_AT_COUNTER: Final = replace(_at("{t}.counter_id"), by_counter=True)
_WITH_CUSTOMER: Final = replace(_AT_COUNTER, by_link=f"({_AT_COUNTER.condition} OR {_OF_CUSTOMER.condition})")
"""In lists of the counter at which it was made, and by links also of the one to which its customer belongs now."""
_OWN_CASH: Final = RowScope(f"({_AT_COUNTER.condition} OR {{t}}.collector_id = :caller)")
"""Also what somebody holds, or handed over, of a counter that they have left."""
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
"""Table → whose its rows are."""


def scope_of(table: str) -> RowScope:
    """RowScope the table's rows are; the centre's if nobody has said."""
    return SCOPES.get(table, CENTRAL)
