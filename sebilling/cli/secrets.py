"""`sebilling secrets`: encrypt stored secrets with another key."""

import typer
from rich.console import Console

from sebilling.actor import operator
from sebilling.auth import totp
from sebilling.cli.database import read_settings, with_database
from sebilling.cli.terminal import errors, group, out
from sebilling.clock import system_clock
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.network import devices
from sebilling.vault import Undecipherable, has_older_key, vault_of

secrets = group()


async def rotate(settings: Settings, database: Database, out: Console, errors: Console) -> bool:
    """Encrypt devices' settings and two-step secrets with the new key. On failure, change nothing, print why and return False."""
    if not has_older_key(settings):
        _say(
            errors,
            "There is no old key: set SEBILLING_SECRET_KEY to the new key and SEBILLING_SECRET_KEY_OLD to the old one, or leave"
            f" {settings.var}/secret.key in its place if that was the old key; then run this again.",
        )
        return False
    try:
        async with database.transaction(actor=operator("sebilling secrets rotate"), at=system_clock()) as session:
            count = await devices.rotate(session, vault_of(settings))
            people = await totp.rotate(session, vault_of(settings))
    except Undecipherable:
        _say(
            errors,
            "A device's settings or a user's two-step secret can't be decrypted with SEBILLING_SECRET_KEY, SEBILLING_SECRET_KEY_OLD or the"
            " key file, so nothing was changed: set SEBILLING_SECRET_KEY_OLD to the key that encrypted them.",
        )
        return False
    out.print(
        f"The settings of {count} devices and the two-step secrets of {people} users are now encrypted with the new key. Once all servers"
        " have it, remove the old one (SEBILLING_SECRET_KEY_OLD, or the key file)."
    )
    return True


def _say(errors: Console, sentence: str) -> None:
    errors.print(sentence, style="red", highlight=False, soft_wrap=True)


@secrets.command("rotate")
def secrets_rotate() -> None:
    """Re-encrypt devices' settings and two-step secrets with SEBILLING_SECRET_KEY; the old key is SEBILLING_SECRET_KEY_OLD, or in VAR."""
    settings = read_settings()
    if not with_database(lambda database: rotate(settings, database, out, errors)):
        raise typer.Exit(1)
