"""What docs/realtime.md tells people to copy can be asked, and what it says of codes and bounds is so."""

import re
from pathlib import Path

import pytest

from sebilling.live import connection, sockets
from sebilling.schema.build import build_schema
from sebilling.schema.request.document_cache import faults

TEXT = (Path(__file__).parents[2] / "docs" / "realtime.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", re.findall(r"```graphql\n(.*?)```", TEXT, re.DOTALL))
def test_every_document_can_be_asked(document: str) -> None:
    assert faults(document, build_schema()._schema) == []


def test_every_code_and_bound_is_there() -> None:
    source = "".join(Path(str(one.__file__)).read_text(encoding="utf-8") for one in (connection, sockets))
    codes = set(re.findall(r"\b(44\d\d|1013)\b", source))
    assert codes <= set(re.findall(r"^\| (\d{4}) \|", TEXT, re.MULTILINE))
    waiting, characters = connection.MAX_WAITING, connection.MAX_WAITING_CHARACTERS
    for bound in (f"{waiting:,} messages", f"{characters:,} characters", f"{connection.WRITE_SECONDS:.0f} seconds"):
        assert bound in TEXT
    assert f"{sockets.MAX_SUBSCRIPTIONS} subscriptions" in TEXT
    assert f"Within {sockets.INIT_SECONDS:.0f} seconds" in TEXT
