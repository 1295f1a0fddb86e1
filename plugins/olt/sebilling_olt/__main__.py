"""`python -m sebilling_olt dry-run`: print the commands that would be sent for these ONUs, without connecting to anything."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sebilling.plugins.contract import DriverContext, Ref

from sebilling_olt.driver import HuaweiDriver, OltDriver, ZteDriver, ZteLanDriver

_DRIVERS: dict[str, type[OltDriver[Any]]] = {driver.kind: driver for driver in (HuaweiDriver, ZteDriver, ZteLanDriver)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 2 if the settings or a key are invalid."""
    parser = argparse.ArgumentParser(prog="python -m sebilling_olt", description=__doc__)
    command = parser.add_subparsers(dest="command", required=True).add_parser("dry-run", help="print the commands, send none")
    command.add_argument("kind", choices=sorted(_DRIVERS))
    command.add_argument("key", nargs="+", help="frame/slot/port:onu")
    command.add_argument("--method", help="olt.zte: state or shutdown")
    command.add_argument("--settings", type=Path, help="a file with the device's settings as JSON; no secret is needed in it")
    command.add_argument("--restore", action="store_true", help="print the commands that restore, instead of those that block")
    options = parser.parse_args(arguments)
    settings: dict[str, Any] = {"host": "olt", "username": "user", "password": "-"}
    driver = _DRIVERS[options.kind]
    try:
        if options.settings:
            settings |= json.loads(options.settings.read_text(encoding="utf-8"))
        if options.method:
            settings["method"] = options.method
        config = driver.config_model.model_validate(settings)
        refs = [Ref(number, key) for number, key in enumerate(options.key)]
        lines = driver(config, DriverContext(0, "dry run", logging.getLogger(__name__))).dry_run(refs, restoring=options.restore)
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False, include_context=False):
            print(f"{'.'.join(str(part) for part in problem['loc']) or 'settings'}: {problem['msg']}", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
