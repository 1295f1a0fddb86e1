"""The example for app authors, loaded from examples/: what they copy is what is tested."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[2] / "examples" / "collector.py"


def example() -> Any:
    """The module."""
    if "examples_collector" not in sys.modules:
        spec = importlib.util.spec_from_file_location("examples_collector", SCRIPT)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["examples_collector"] = module
        spec.loader.exec_module(module)
    return sys.modules["examples_collector"]
