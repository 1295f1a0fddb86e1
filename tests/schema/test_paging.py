"""Pages forward and backward: the same rows in the same order, from whichever end, on both paths; what makes no sense is refused."""

from typing import Any

import pytest

from sebilling.db.engine import Database
from tests.harness import Api, Isp

PAGE = """query Page($first: Int, $after: String, $last: Int, $before: String, $order: InvoiceOrder!) {
  invoices(first: $first, after: $after, last: $last, before: $before, orderBy: $order) {
    edges { node { number } cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


@pytest.fixture
async def apis(database: Database) -> list[Api]:
    """With PostgreSQL's answers and without."""
    isp = await Isp.make(database)
    for code in "ABCDEFG":
        await isp.customer(code)
    await isp.open()
    await isp.generate()
    apis = [Api(database), Api(database, answers_from_sql=False)]
    await apis[0].sign_in()
    apis[1].headers = apis[0].headers
    return apis


async def ask(apis: list[Api], **values: Any) -> Any:
    answers = [await api.ask(PAGE, **values) for api in (*apis, *apis)]
    assert all(answer == answers[0] for answer in answers)
    return answers[0]


def numbers(page: Any) -> list[str]:
    return [edge["node"]["number"] for edge in page["edges"]]


@pytest.mark.parametrize("order", ["NEWEST", "OLDEST", "DUE", "NUMBER"])
@pytest.mark.parametrize("size", [1, 3, 7, 10])
async def test_backward_pages_are_the_forward_ones(apis: list[Api], order: str, size: int) -> None:
    everything = numbers(await ask(apis, first=200, order=order))
    assert len(everything) == 7
    there: list[str] = []
    page, after = None, None
    while page is None or page["pageInfo"]["hasNextPage"]:
        page = await ask(apis, first=size, after=after, order=order)
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        there += numbers(page)
        after = page["pageInfo"]["endCursor"]
    back: list[str] = []
    page, before = None, None
    while page is None or page["pageInfo"]["hasPreviousPage"]:
        page = await ask(apis, last=size, before=before, order=order)
        assert page["pageInfo"]["hasNextPage"] is (before is not None)
        back = numbers(page) + back
        before = page["pageInfo"]["startCursor"]
    assert there == back == everything


async def test_null_is_as_if_left_out(apis: list[Api]) -> None:
    page = await ask(apis, first=None, after=None, last=None, before=None, order="NEWEST")
    assert len(numbers(page)) == 7
    assert numbers(await ask(apis, first=5, last=2, order="NEWEST")) == numbers(page)[-2:], "last counts instead"


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"last": 0}, "INVALID_PAGE_SIZE", ["last"]),
        ({"last": 201}, "INVALID_PAGE_SIZE", ["last"]),
        ({"first": 0}, "INVALID_PAGE_SIZE", ["first"]),
        ({"last": 2, "before": "x"}, "INVALID_CURSOR", ["before"]),
        ({"first": 2, "before": "x"}, "INVALID_CURSOR", ["before"]),
        ({"last": 2, "after": "x"}, "INVALID_CURSOR", ["after"]),
    ],
)
async def test_what_makes_no_sense_is_refused(apis: list[Api], values: dict[str, Any], code: str, field: list[str]) -> None:
    for api in (*apis, *apis):
        (error,) = (await api.raw(PAGE, order="NEWEST", **values))["errors"]
        assert (error["extensions"]["code"], error["extensions"]["field"]) == (code, field)


async def test_the_cost_of_a_document_counts_what_is_asked_from_the_end(apis: list[Api]) -> None:
    nested = "nodes { openInvoices { payments { allocations { invoice { lines { kind } } } } } }"
    for variables, arguments in (("", "last: 200"), ("($last: Int = 200)", "last: $last")):
        document = f"query Deep{variables} {{ a: customers({arguments}) {{ {nested} }} }}"
        assert await apis[0].top_error(document) == "LIMIT_EXCEEDED"
    small = f"query Deep($last: Int, $first: Int = 1) {{ a: customers(first: $first, last: $last) {{ {nested} }} }}"
    assert "errors" not in await apis[0].raw(small, last=None)
    assert await apis[0].top_error(small, last=200) == "LIMIT_EXCEEDED"
