"""Scopes of this domain: which rows of each kind of table a caller who is limited to counters may see. See docs/decisions/0013."""

from dataclasses import replace
from typing import Final

from sebilling.schema.engine.scopes import RowScope

EVERYBODYS: Final = RowScope("")
"""Rows of no counter, visible to every caller with the right role."""
CALLER: Final = RowScope("{t}.id = :caller")
"""The caller themselves."""
CENTRAL: Final = RowScope("false")
"""Rows of the head office, derived from all counters; invisible to callers who are limited to counters."""
PART: Final = RowScope("", is_part=True)


def part_of(table: str, column: str, whole: RowScope) -> RowScope:
    """Parts of rows of another table, to which this column refers: read by themselves only by their ids, in the scope of the whole."""
    condition = (whole.one_by_one or whole.condition).format(t="whole")
    return replace(PART, one_by_one=f"EXISTS (SELECT FROM {table} whole WHERE whole.id = {{t}}.{column} AND {condition})")


def at(counter: str) -> RowScope:
    """Rows of the counter whose id this SQL expression gives."""
    return RowScope(f"{counter} = ANY (CAST(:scope AS bigint[]))")


OF_CUSTOMER: Final = at("(SELECT whose.counter_id FROM customer whose WHERE whose.id = {t}.customer_id)")
AT_COUNTER: Final = replace(at("{t}.counter_id"), by_counter=True)
WITH_CUSTOMER: Final = replace(AT_COUNTER, by_link=f"({AT_COUNTER.condition} OR {OF_CUSTOMER.condition})")
"""Listed for the counter at which it was made, and by links also visible to the counter to which its customer belongs now."""
OWN_CASH: Final = RowScope(f"({AT_COUNTER.condition} OR {{t}}.collector_id = :caller)")
"""Including what a user holds, or has handed over, for a counter that they have left."""
WITH_RECEIVER: Final = replace(WITH_CUSTOMER, one_by_one=f"({AT_COUNTER.condition} OR {{t}}.received_by = :caller)")
"""WITH_CUSTOMER, and one by one also for whoever received it, at a counter that they have left."""
COUNTER_ITSELF: Final = at("{t}.id")
OF_COUNTER_OR_CUSTOMER: Final = at(
    "coalesce({t}.counter_id, (SELECT whose.counter_id FROM customer whose WHERE whose.id = {t}.customer_id))"
)
COLLEAGUES: Final = RowScope(
    "({t}.id = :caller OR EXISTS (SELECT FROM user_counter works WHERE works.user_id = {t}.id"
    " AND works.counter_id = ANY (CAST(:scope AS bigint[]))))"
)
"""The caller, and users who work at one of their counters."""
