"""The command line: which commands there are, and where each is written.

A command's module is imported when the command is called: most need the database, some the schema, and importing either takes longer
than the rest of a short command. `sebilling --help` imports none of them.
"""

import importlib
import sys
from dataclasses import dataclass
from typing import Any, Final

import typer
from typer.core import TyperGroup

from sebilling.cli.garbage import no_collections
from sebilling.errors import SebillingError
from sebilling.operator_errors import InvalidSetting


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command (a function) or a group of commands (a Typer) is, as `module:name`, and the sentence that help shows."""

    place: str
    summary: str


COMMANDS: Final = {
    "serve": Entry("sebilling.cli.server:serve", "Serve /graphql, /healthz and /readyz."),
    "worker": Entry(
        "sebilling.cli.worker:worker",
        "Run background jobs: generation runs, isolation, the event feed and plugin hooks. Any number may run beside the servers.",
    ),
    "migrate": Entry("sebilling.cli.operation:migrate", "Migrate the database to the newest schema. Does nothing if it is up to date."),
    "generate": Entry(
        "sebilling.cli.billing:generate", "Generate the invoices of an open period. A customer who already has one gets no second."
    ),
    "recap": Entry("sebilling.cli.billing:recap", "Print a month's recap per counter."),
    "export": Entry("sebilling.cli.exports:export", "Export a month's report of all counters to a spreadsheet file."),
    "receipt": Entry("sebilling.cli.exports:receipt", "Print a payment's receipt as text."),
    "check": Entry(
        "sebilling.cli.operation:check",
        "Check the invariants, and that secret keys and proofs are present; exit code 1 if any check fails.",
    ),
    "backup": Entry(
        "sebilling.cli.backups:backups",
        "Write a consistent backup, including proofs, to a ZIP file while the system is in use; prove one; list those that are kept.",
    ),
    "restore": Entry(
        "sebilling.cli.backups:restore",
        "Restore a backup into an empty database; exit code 1: restored, but the secret key or proofs are missing.",
    ),
    "status": Entry(
        "sebilling.cli.status:status",
        "Print the state of the installation, part by part; exit code 0: good, 1: warnings, 2: bad.",
    ),
    "doctor": Entry(
        "sebilling.cli.status:doctor", "Print what is wrong with this installation, or missing in it, and what to do; exit code 1: urgent."
    ),
    "workers": Entry("sebilling.cli.operation:workers", "Print the running workers; exit code 1 if there are none, or all hang."),
    "schema": Entry("sebilling.cli.schema:schema", "Print the GraphQL schema."),
    "demo": Entry("sebilling.cli.demo:demo", "Create a demo ISP in its own database and run its month."),
    "documents": Entry("sebilling.cli.documents:documents", "Trusted documents."),
    "database": Entry("sebilling.cli.operation:data_folder", "Data folder of the embedded database."),
    "events": Entry("sebilling.cli.events:events", "The event log and its feed."),
    "plugin": Entry("sebilling.cli.plugins:plugin", "Plugins."),
    "isolation": Entry("sebilling.cli.isolation:isolation", "Isolation (isolir) of overdue customers."),
    "setup": Entry("sebilling.cli.setup:setup", "Files that this machine's own programs need to run SeBilling."),
    "secrets": Entry("sebilling.cli.secrets:secrets", "Encrypted secrets of devices and users."),
    "period": Entry("sebilling.cli.billing:period", "Periods (bulan tagihan)."),
    "user": Entry("sebilling.cli.accounts:user", "Users and service tokens."),
    "limits": Entry("sebilling.cli.accounts:limits", "Sign-in rate limits."),
    "counter": Entry("sebilling.cli.billing:counter", "Counters (loket)."),
    "import": Entry(
        "sebilling.cli.import_commands:import_group", "Import customers. Nothing is written without --yes; with it, everything or nothing."
    ),
}


class LazyGroup(TyperGroup):
    """The group of all commands: help and completion read the table above; a command that is called is imported."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # Typer's types for these are private
        """Return the name, the command itself and its arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, None if name is None or command is None else imported(name), rest


def imported(name: str) -> Any:
    """Import the module of a command, and build the command or group for Typer."""
    module, _, attribute = COMMANDS[name].place.partition(":")
    with no_collections():
        declared = getattr(importlib.import_module(module), attribute)
    if isinstance(declared, typer.Typer):
        declared.info.name, declared.info.help = name, COMMANDS[name].summary
        group = typer.main.get_group(declared)
        for command in group.commands.values():
            command.short_help = command.help  # whole sentences: Typer would shorten them
        return group
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(declared)
    return typer.main.get_command(single)


def _stands_for_a_command() -> None:
    """What help lists; LazyGroup calls the imported command instead."""


# Without rich's markup: help would take four times as long to import it, and names between brackets would vanish.
app = typer.Typer(
    cls=LazyGroup, help="Billing and internet isolation for Indonesian ISPs.", no_args_is_help=True, pretty_exceptions_enable=False,
    rich_markup_mode=None,
)  # fmt: skip
for _name, _entry in COMMANDS.items():
    app.command(_name, short_help=_entry.summary)(_stands_for_a_command)


def main() -> None:
    """Run a command; an error that the user can fix is printed in one sentence, with exit code 1, or 2 for a setting."""
    try:
        app()
    except SebillingError as error:
        from sebilling.cli.terminal import errors

        errors.print(str(error), style="red", highlight=False, soft_wrap=True)
        sys.exit(2 if isinstance(error, InvalidSetting) else 1)
