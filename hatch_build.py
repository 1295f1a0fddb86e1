"""Put the built web admin into the wheel. An editable installation has what `make web` builds."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebBuildHook(BuildHookInterface[Any]):
    """Hatchling's hook: see `[tool.hatch.build.targets.wheel.hooks.custom]` in pyproject.toml."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before the wheel is made, where the source has `web/`. Raises CalledProcessError."""
        if version == "editable" or not (Path(self.root) / "web").is_dir():
            return
        subprocess.run([sys.executable, str(Path(self.root) / "tools" / "web.py"), "build"], check=True)
        build_data["artifacts"].append("sebilling/web_files/**")
