"""Generators and linters that we didn't write have nothing to say about the schema and the guides' documents, but what is listed.

`npm install` in tests/schema/foreign makes them available; without it, and outside CI, the test is left out.
"""

import json
import re
import subprocess
from pathlib import Path

from tests.node import needs_packages

ROOT = Path(__file__).parents[2]
FOREIGN = ROOT / "tests" / "schema" / "foreign"
MAX_EXCEPTIONS = 10


@needs_packages(FOREIGN, "@graphql-codegen/cli", "@graphql-eslint/eslint-plugin", "relay-compiler")
def test_relay_eslint_and_codegen_find_nothing(tmp_path: Path) -> None:
    (tmp_path / "schema.graphql").write_text((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    for guide in ("web", "phone"):
        (tmp_path / guide).mkdir()
        page = (ROOT / "docs" / f"{guide}.md").read_text(encoding="utf-8")
        for number, document in enumerate(re.findall(r"```graphql\n(.*?)```", page, re.DOTALL)):
            (tmp_path / guide / f"{number}.graphql").write_text(document)
    told = subprocess.run(
        ["node", FOREIGN / "generators.js", tmp_path], cwd=FOREIGN, capture_output=True, text=True, timeout=300, check=False
    )
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {"relay": [], "eslint": [], "codegen web": [], "codegen phone": []}
    assert len(list((tmp_path / "relay" / "__generated__").iterdir())) >= 5


def test_few_findings_are_accepted() -> None:
    script = (FOREIGN / "generators.js").read_text(encoding="utf-8")
    exceptions = re.findall(r"^  // (.+)\n  \"@graphql-eslint/([\w-]+)\"", script, re.MULTILINE)
    assert 0 < len(exceptions) == script.count('  "@graphql-eslint/') <= MAX_EXCEPTIONS
