"""docs/events.md names every kind of event and every hook."""

import re
from pathlib import Path

from sebilling.jobs.hooks import HOOKS
from sebilling.plugins import hookspecs

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
FILES = [*(ROOT / "sebilling").rglob("*.py"), *(ROOT / "sebilling" / "db" / "sql").glob("*.sql")]
WRITTEN = re.compile(
    r"""events\.append\(\s*\w+,\s*"([a-z_]+\.[a-z_]+)"|'([a-z_]+\.[a-z_]+)',\s*'[a-z_]+',|return "([a-z_]+\.[a-z_]+)" if"""
)


def kinds() -> set[str]:
    """As the code writes them."""
    return {name for file in FILES for found in WRITTEN.finditer(file.read_text(encoding="utf-8")) for name in found.groups() if name}


def test_every_kind_is_documented() -> None:
    assert len(kinds()) > 40, "the pattern finds them no more"
    assert sorted(name for name in kinds() if f"`{name}`" not in DOCUMENT) == []
    assert sorted(name for name in HOOKS if name not in kinds() | {"customer.blocked"}) == []


def test_every_hook_is_documented_and_every_event_hook_is_delivered() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("sebilling_")}
    assert sorted(name for name in hooks - {"sebilling_drivers"} if f"`{name}(" not in DOCUMENT) == []
    assert set(HOOKS.values()) == {name for name in hooks if "event: Event" in _signature(name)}


def _signature(name: str) -> str:
    source = Path(str(hookspecs.__file__)).read_text(encoding="utf-8")
    found = re.search(rf"def {name}\(.*", source)
    return found[0] if found else ""
