"""`sebilling user` and `sebilling limits`: users, service tokens and sign-in limits."""

import getpass
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from sebilling.actor import Role, operator
from sebilling.auth import attempts, passwords, totp, users
from sebilling.auth.sessions import Lifetimes
from sebilling.cli.database import read_settings, with_database
from sebilling.cli.terminal import group, out
from sebilling.clock import system_clock
from sebilling.db.engine import Database

user = group()
limits = group()
_ALL = text(
    """
    SELECT username, name, role, active, one_time_until IS NOT NULL AS must_change_password, totp_secret IS NOT NULL AS two_step,
           NULL AS expires_at,
           (SELECT max(used_at) FROM access_token JOIN sign_in ON sign_in.id = sign_in_id WHERE user_id = app_user.id) AS last_used_at,
           (SELECT string_agg(code, ' ' ORDER BY code) FROM counter JOIN user_counter ON counter_id = counter.id
             WHERE user_id = app_user.id) AS counters
      FROM app_user WHERE NOT service
     UNION ALL
    SELECT 'service:' || name, name, role, active, false, false, expires_at, last_used_at,
           (SELECT string_agg(code, ' ' ORDER BY code) FROM counter JOIN user_counter ON counter_id = counter.id
             WHERE user_id = service_account.id)
      FROM service_account
     ORDER BY 1
    """
)
Username = Annotated[str, typer.Argument(help="User name.")]
Counters = Annotated[list[str] | None, typer.Option("--counter", help="Code of a counter, for clerks and collectors; repeat for more.")]


async def _show(database: Database, out: Console) -> None:
    async with database.reading() as session:
        rows = await session.rows(_ALL)
    table = Table("user", "name", "role", "counters", "state", "last used")
    for row in rows:
        marks = ["active" if row.active else "disabled"]
        marks += ["one-time password"] * row.must_change_password + ["two-step"] * row.two_step
        marks += [f"until {row.expires_at:%Y-%m-%d}"] if row.expires_at is not None else []
        used = "" if row.last_used_at is None else f"{row.last_used_at:%Y-%m-%d %H:%M}"
        table.add_row(row.username, row.name, row.role, row.counters or "", ", ".join(marks), used)
    out.print(table)


def _asked_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return getpass.getpass("Password (at least 10 characters): ")


@user.command("list")
def user_list() -> None:
    """Print the users and the service tokens."""
    with_database(lambda database: _show(database, out))


@user.command("add")
def user_add(
    username: Annotated[str, typer.Argument(help="2 to 64 letters, digits, . _ @ -")],
    role: Annotated[Role, typer.Option(help="Role, which sets the permissions.")] = Role.ADMIN,
    name: Annotated[str, typer.Option(help="Name on receipts; default: the user name.")] = "",
    counter: Counters = None,
    generate_password: Annotated[bool, typer.Option(help="Generate a random password and print it once.")] = False,
) -> None:
    """Add a user. The password is prompted for, read from standard input, or generated."""
    password = passwords.random_password() if generate_password else _asked_password()

    async def work(database: Database) -> None:
        hashed = await passwords.hashed(password, username=username)
        async with database.transaction(actor=operator("sebilling user add"), at=system_clock()) as session:
            await users.create(session, username=username, name=name or username, role=role, password_hash=hashed, counters=counter or [])

    with_database(work)
    out.print(f"{username} may sign in as {role.value}." + (f" Password, shown this once: {password}" if generate_password else ""))


@user.command("disable")
def user_disable(username: Username) -> None:
    """Disable a user and sign them out everywhere at once. The last active ADMIN can't be disabled."""

    async def work(database: Database) -> None:
        async with database.transaction(actor=operator("sebilling user disable"), at=system_clock()) as session:
            await users.update(session, await users.named(session, username), users.Changes(active=False))

    with_database(work)
    out.print(f"{username} is disabled and signed out everywhere.")


@user.command("password")
def user_password(
    username: Username,
    generate_password: Annotated[bool, typer.Option(help="Generate a one-time password, to be changed at the next sign-in.")] = False,
    two_step_off: Annotated[bool, typer.Option("--two-step-off", help="Also turn off two-step sign-in.")] = False,
) -> None:
    """Set a new password: prompted for, read from standard input, or generated. The user is signed out everywhere."""
    password = passwords.random_password() if generate_password else _asked_password()

    async def work(database: Database) -> None:
        hashed = await passwords.hashed(password, username=username)
        async with database.transaction(actor=operator("sebilling user password"), at=system_clock()) as session:
            user_id = await users.named(session, username)
            await users.reset_password(session, user_id, password_hash=hashed, one_time=generate_password)
            if two_step_off and (await totp.state(session, user_id))[0]:
                await totp.end(session, user_id, by_admin=True)

    with_database(work)
    shown = f" One-time password, shown this once: {password}" if generate_password else ""
    out.print(f"{username} has a new password and is signed out everywhere.{shown}")


@user.command("token")
def user_token(
    name: Annotated[str, typer.Argument(help="Name of the script: 2 to 64 letters, digits, . _ -")],
    role: Annotated[Role, typer.Option(help="The narrowest role that suffices; not ADMIN.")],
    counter: Counters = None,
    days: Annotated[int, typer.Option(help="Days until the token expires.")] = 365,
) -> None:
    """Create a service token for a script and print it once. `revokeServiceToken` revokes it."""
    lifetimes = Lifetimes.of(read_settings())

    async def work(database: Database) -> str:
        async with database.transaction(actor=operator("sebilling user token"), at=system_clock()) as session:
            _, tokens = await users.create_service(session, name=name, role=role, counters=counter or [], days=days, lifetimes=lifetimes)
        return tokens.token

    out.print(f"Token of {name}, shown this once: {with_database(work)}", soft_wrap=True, highlight=False)


@limits.command("clear")
def limits_clear(
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Every limit of this user, from any address.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All limits, including those of addresses.")] = False,
) -> None:
    """Clear sign-in limits, so that TOO_MANY_ATTEMPTS ends at once."""
    if (user is None) != everything:
        raise typer.BadParameter("use either --user NAME or --all.")

    async def work(database: Database) -> int:
        async with database.transaction(actor=operator("sebilling limits clear"), at=system_clock()) as session:
            if user is None:
                return await attempts.clear_all(session)
            user_id = await users.named(session, user)
            return await attempts.clear(session, user_id=user_id, username=user.strip().lower())

    out.print(f"Limits cleared: {with_database(work)}.")
