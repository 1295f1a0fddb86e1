"""Row scopes: which rows of each table a caller who is limited to counters may see. See docs/decisions/0013.

A clerk or collector is limited to counters. Each table that is read is declared with its scope (schema/engine/declarations.py), and every
statement of schema/engine/reading.py takes its limits from it, whatever the resolver asked for: rows of another counter are treated as
missing. schema/scopes.py has the scopes themselves.
"""

from dataclasses import dataclass


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

    @property
    def is_read_by_id(self) -> bool:
        """Whether a row can be read by its id alone."""
        return not self.is_part or bool(self.one_by_one)
