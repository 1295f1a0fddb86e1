"""What an output type forgets to declare is refused when its module is imported."""

import pytest
import strawberry

from sebilling.schema.engine.declarations import NODES, READERS_OF, Undeclared, link, node_of, output, read
from sebilling.schema.request.roles import COUNTERS, EVERYONE, OFFICE, READERS
from sebilling.schema.scopes import CENTRAL, PART


def test_a_field_without_roles_is_refused() -> None:
    with pytest.raises(Undeclared, match=r"Forgotten\.secret says nowhere who may read it"):

        @output("A type.")
        class Forgotten:
            shown: str = read("Shown.", EVERYONE)
            secret: str = strawberry.field(description="Hidden.")

    with pytest.raises(TypeError, match="roles"):
        read("Declared without roles.")  # type: ignore[call-arg]  # which mypy refuses too


def test_a_table_without_a_scope_is_refused() -> None:
    with pytest.raises(Undeclared, match="declared together"):

        @output("A type.", "some_table")
        class Unscoped:
            shown: str = read("Shown.", EVERYONE)

    assert "some_table" not in NODES


def test_a_table_belongs_to_one_type() -> None:
    with pytest.raises(Undeclared, match="two types declare the table customer"):

        @output("A type.", "customer", scope=PART)
        class SecondCustomer:
            shown: str = read("Shown.", EVERYONE)


def test_one_declaration_gives_column_expression_link_and_roles() -> None:
    @output("A type.", "declared_example", scope=CENTRAL)
    class Example:
        plain: str = read("Column of its name.", EVERYONE)
        made: int | None = read("Expression.", OFFICE, sql="{t}.a + 1")
        first: str | None = link("One row.", COUNTERS, "plan", "{n}.id = {t}.plan_id")
        rest: list[str] | None = link("Rows.", READERS, "charge", "{n}.customer_id = {t}.id", most=3)

    node = node_of(Example)
    assert node is NODES.pop("declared_example")
    assert node.scope is CENTRAL
    assert node.columns == {"plain": "{t}.plain", "made": "{t}.a + 1"}
    assert (node.links["first"].many, node.links["rest"].many, node.links["rest"].most) == (False, True, 3)
    assert [READERS_OF["Example", name] for name in ("plain", "made", "first", "rest")] == [EVERYONE, OFFICE, COUNTERS, READERS]


def test_what_is_withheld_from_some_may_be_null() -> None:
    with pytest.raises(Undeclared, match="price is withheld from some readers"):

        @output("A type.", "withheld_example", scope=CENTRAL)
        class Example:
            name: str = read("For all.", EVERYONE)
            price: int = read("For some.", OFFICE)

    assert "withheld_example" not in NODES


def test_inherited_fields_are_read_by_who_reads_the_types_own() -> None:
    assert READERS_OF["EventMessage", "cursor"] == READERS
    assert READERS_OF["IsolationMessage", "cursor"] == EVERYONE
