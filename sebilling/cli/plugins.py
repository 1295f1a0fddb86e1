"""`sebilling plugin`: the installed plugins, and a new one from the template."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sebilling.cli.database import read_settings, with_database
from sebilling.cli.plugin_new import new
from sebilling.cli.terminal import errors, group, out
from sebilling.clock import system_clock
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.db.migrate import is_current
from sebilling.errors import Unavailable
from sebilling.jobs import hooks
from sebilling.network import worker as loops
from sebilling.network.engine import Engine
from sebilling.plugins.loading import Plugins, PluginStatus
from sebilling.plugins.networks import Networks
from sebilling.vault import vault_of

plugin = group()


def installed(settings: Settings) -> Plugins:
    """Load the plugins that are installed and not disabled."""
    return Plugins.load(disabled=settings.plugins_disabled.split(","))


def engine_of(settings: Settings, database: Database) -> Engine:
    """Build an isolation engine with the installed plugins."""
    plugins = installed(settings)
    plugins.networks = Networks.of(settings, database.url)
    return loops.engine_of(database, plugins, vault_of(settings), clock=system_clock)


async def deliveries(database: Database) -> Mapping[str, hooks.Delivered]:
    """Return how far each plugin's events are delivered; empty if the database is down or has another schema version."""
    try:
        return await hooks.deliveries(database) if await is_current(database) else {}
    except Unavailable:  # it has just gone down
        return {}


def show_plugins(plugins: Plugins, out: Console, delivered: Mapping[str, hooks.Delivered]) -> None:
    """Print the installed plugins with their status, and how far their events are delivered."""
    table = Table("name", "package", "version", "status", "error", "drivers", "events")
    for plugin in plugins.plugins:
        style, to = "red" if plugin.status is PluginStatus.FAILED else "", delivered.get(plugin.name)
        events = "" if to is None else f"up to {to.upto}, {to.waiting} waiting" + (f": {to.error}" if to.error else "")
        cells = (
            plugin.name,
            plugin.distribution,
            plugin.version,
            plugin.status.value,
            "" if plugin.error is None else plugin.error.english,
            ", ".join(f"{kind} ({plugins.drivers[kind].quality.name.lower()})" for kind in plugin.drivers if kind in plugins.drivers),
            events,
        )
        table.add_row(*cells, style=style)
    out.print(table)
    if not plugins.plugins:
        out.print("No plugin is installed: install one to block customers.")


@plugin.command("list")
def plugin_list() -> None:
    """Print the installed plugins with their status, their drivers and how far events were delivered to them."""
    settings = read_settings()
    has_database = settings.database_url is not None or (settings.var / "postgres").exists()
    delivered = with_database(deliveries, looks=False) if has_database else {}
    show_plugins(installed(settings), out, delivered)


@plugin.command("new")
def plugin_new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lowercase letters, digits and hyphens, such as acme-olt.")],
    into: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to create the package's folder.")] = Path(),
) -> None:
    """Create a plugin package with a working driver for a toy device, and its tests."""
    if not new(name, into, out, errors):
        raise typer.Exit(1)
