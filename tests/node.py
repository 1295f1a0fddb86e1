"""Programs of Node that we didn't write, each with its packages in a folder `foreign` that `npm install` fills."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def needs_packages(folder: Path, *names: str) -> pytest.MarkDecorator:
    """Leave a test out where Node or one of these packages in `folder` isn't there; in CI it runs, and fails there."""
    missing = shutil.which("node") is None or not all((folder / "node_modules" / name / "package.json").exists() for name in names)
    reason = f"node or its packages aren't there: npm install in {folder.relative_to(ROOT)}"
    return pytest.mark.skipif(missing and not os.environ.get("CI"), reason=reason)
