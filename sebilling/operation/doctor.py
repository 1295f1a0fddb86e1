"""What is wrong with this installation, or missing in it, and what to do: `sebilling doctor`.

`status` tells what doesn't work; this adds what works and shouldn't be left so. Nothing is changed.
"""

import os
import resource
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import text

from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.keys import KEY_FILE
from sebilling.operation.missing import Missing
from sebilling.operation.places import is_url
from sebilling.operation.status import Level, Part

_FACTS: Final = text(
    """
    SELECT (SELECT company_name = '' FROM billing_settings) AS nameless,
           (SELECT payment_instructions = '' FROM billing_settings) AS without_instructions,
           EXISTS (SELECT FROM app_user WHERE role = 'ADMIN' AND active) AS has_admin,
           EXISTS (SELECT FROM counter) AS has_counter, EXISTS (SELECT FROM plan) AS has_plan, EXISTS (SELECT FROM device) AS has_device,
           EXISTS (SELECT FROM app_user WHERE role = 'ADMIN' AND active AND totp_secret IS NULL) AS admin_without_two_steps
    """
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database says of how it is set up."""

    nameless: bool
    without_instructions: bool
    has_admin: bool
    has_counter: bool
    has_plan: bool
    has_device: bool
    admin_without_two_steps: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what to do. `is_urgent`: money, data or customers are in danger, or something doesn't work."""

    is_urgent: bool
    what: str
    remedy: str = ""
    """Empty if `what` says it."""


async def read(database: Database) -> Facts:
    """Read the facts. Raises DatabaseUnavailable."""
    (facts,) = await database.fetch(_FACTS, {}, into=Facts)
    return facts


def findings(settings: Settings, facts: Facts, parts: Sequence[Part], missing: Missing) -> list[Finding]:
    """Everything that is wrong or missing, the urgent first."""
    all_of_them = [
        *_state(parts), *_secrets(settings, missing), *_backups(settings), *_exposure(settings), *_machine(), *_set_up(facts),
    ]  # fmt: skip
    return sorted(all_of_them, key=lambda finding: not finding.is_urgent)


def _state(parts: Sequence[Part]) -> Iterator[Finding]:
    for part in parts:
        if part.level is not Level.GOOD:
            yield Finding(is_urgent=part.level is Level.BAD, what=f"{part.name}: {part.sentence.english}")


def _secrets(settings: Settings, missing: Missing) -> Iterator[Finding]:
    if missing.devices or missing.users:
        names = ", ".join([*missing.devices, *missing.users][:5])
        yield Finding(
            is_urgent=True,
            what=f"secrets can't be decrypted with this key: {names}",
            remedy="put the key back that they were encrypted with, or enter them again",
        )
    if missing.proofs:
        yield Finding(
            is_urgent=True,
            what=f"{len(missing.proofs)} proofs of deposits are missing from the store",
            remedy="restore the uploads from a backup",
        )
    file = settings.var / KEY_FILE
    if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
        yield Finding(is_urgent=True, what=f"{file} can be read by other users of this machine", remedy=f"chmod 600 {file}")


def _backups(settings: Settings) -> Iterator[Finding]:
    if settings.backup_to is None:
        return  # the state says so, unless cron makes them
    if settings.backup_passphrase is None:
        yield Finding(
            is_urgent=False,
            what="the secret key isn't in the backups",
            remedy="set SEBILLING_BACKUP_PASSPHRASE, and keep it where this machine isn't",
        )
    if is_url(settings.backup_to):
        return
    folder = Path(settings.backup_to)
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        yield Finding(is_urgent=True, what=f"backups can't be written to {folder}", remedy="create it, and let this user write there")
    elif settings.database_url is None and folder.stat().st_dev == settings.var.stat().st_dev:
        yield Finding(
            is_urgent=False,
            what="backups are on the same disk as the database",
            remedy="let SEBILLING_BACKUP_TO name another disk or machine, or a bucket",
        )


def _exposure(settings: Settings) -> Iterator[Finding]:
    if settings.introspection == "everyone":
        yield Finding(is_urgent=False, what="anybody may read the schema", remedy="set SEBILLING_INTROSPECTION to signed_in or nobody")
    if settings.allowed_hosts and not settings.trusted_proxies:
        yield Finding(is_urgent=False, what="no proxy is trusted, so all clients behind one count as one, and TLS isn't noticed",
                      remedy="set SEBILLING_TRUSTED_PROXIES to the proxy's own address")  # fmt: skip
    if settings.host not in {"127.0.0.1", "localhost", "::1"} and not settings.trusted_proxies:
        yield Finding(is_urgent=True, what="the server listens for everybody without TLS: passwords can be read on the way",
                      remedy="listen on 127.0.0.1, and put a proxy with TLS in front (docs/operations.md)")  # fmt: skip


def _machine() -> Iterator[Finding]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= most < 4096:
        yield Finding(
            is_urgent=False,
            what=f"this process may open only {most} files, so few clients can be connected",
            remedy="raise LimitNOFILE (systemd) or ulimit -n",
        )


def _set_up(facts: Facts) -> Iterator[Finding]:
    if not facts.has_admin:
        yield Finding(
            is_urgent=True,
            what="there is no admin",
            remedy="open the link that `sebilling serve` prints, or run `sebilling user add admin`",
        )
    if facts.admin_without_two_steps:
        yield Finding(is_urgent=False, what="an admin signs in with a password alone", remedy="switch on two-step sign-in, under Akun")
    if facts.nameless:
        yield Finding(is_urgent=False, what="papers don't name your company", remedy="enter its name, under Pengaturan")
    if facts.without_instructions:
        yield Finding(
            is_urgent=False,
            what="customers aren't told how to pay",
            remedy="enter bank account or QRIS as payment instructions, under Pengaturan",
        )
    for is_there, what, remedy in (
        (facts.has_counter, "there is no counter (loket)", 'sebilling counter add LKT01 "Loket Pasar"'),
        (facts.has_plan, "there is no plan", "add one under Pengaturan › Paket, or import customers with --create-missing"),
        (facts.has_device, "there is no device, so nobody is blocked", "add your router under Perangkat"),
    ):
        if not is_there:
            yield Finding(is_urgent=False, what=what, remedy=remedy)
