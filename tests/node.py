"""Programs of Node that we didn't write, each with its packages in a folder `foreign` that `npm install` fills."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def needs_packages(folder: Path, *names: str) -> pytest.MarkDecorator:
    """Leave a test out where Node can't import all of these packages in `folder`; in CI it runs, and fails there."""
    reason = f"node or its packages aren't there: npm install in {folder.relative_to(ROOT)}"
    return pytest.mark.skipif(not os.environ.get("CI") and not _can_import(folder, names), reason=reason)


def _can_import(folder: Path, names: tuple[str, ...]) -> bool:
    if shutil.which("node") is None:
        return False
    wanted = "; ".join(f"import '{name}'" for name in names)
    asked = subprocess.run(["node", "--input-type=module", "-e", wanted], cwd=folder, capture_output=True, timeout=60, check=False)
    return asked.returncode == 0
