"""Check accounting: whether radacct shows who is online, under names and at NASes that are known. Nothing is changed."""

from collections.abc import Mapping, Sequence
from typing import Final

from sebilling.plugins.contract import Sentence

from sebilling_radius import names
from sebilling_radius.catalogue import Catalogue
from sebilling_radius.config import RadiusConfig
from sebilling_radius.database import RadiusDatabase
from sebilling_radius.names import Matching
from sebilling_radius.radacct import Radacct, address_of

_WIDER: Final[tuple[Matching, ...]] = ("lower", "without_realm")
_OPEN_ROWS: Final = 100
"""Newest open rows that the probe looks at."""


async def state(
    database: RadiusDatabase, catalogue: Catalogue, config: RadiusConfig, radacct: Radacct
) -> tuple[Sequence[Sentence], Mapping[str, Sentence | str]]:
    """Return problems and facts of radacct: without it nobody's block can be confirmed."""
    current = await radacct.accounting()
    table, epoch = catalogue.quoted(config.radacct), database.dialect.epoch
    open_rows = await database.rows(
        f"SELECT {epoch.format('acctstarttime')} AS started, {epoch.format('acctupdatetime')} AS updated FROM {table}"
        f" WHERE acctstoptime IS NULL ORDER BY radacctid DESC LIMIT {_OPEN_ROWS}"
    )
    facts: dict[str, Sentence | str] = {
        "open_sessions": str(await database.value(f"SELECT count(*) FROM {table} WHERE acctstoptime IS NULL"))
    }
    if current.newest is None:
        return (
            Sentence(
                "radacct is empty, so no block can be confirmed: let the NASes send accounting to FreeRADIUS.",
                "radacct kosong, jadi isolir tidak bisa dipastikan: atur NAS agar mengirim accounting ke FreeRADIUS.",
            ),
        ), facts
    minutes = max(0, int((current.now - current.newest) // 60))
    facts["newest_accounting"] = Sentence(f"{minutes} minutes ago", f"{minutes} menit yang lalu")
    if not current.works:
        return (
            Sentence(
                f"radacct was last written {minutes} minutes ago, so no block can be confirmed: check accounting at FreeRADIUS and NASes.",
                f"radacct terakhir ditulis {minutes} menit lalu, jadi isolir tidak bisa dipastikan: periksa accounting FreeRADIUS dan NAS.",
            ),
        ), facts
    old = [row for row in open_rows if config.patience_seconds and current.now - float(row["started"] or 0) > config.patience_seconds]
    if len(old) > 1 and all(float(row["updated"] or 0) <= float(row["started"] or 0) for row in old):
        return (
            Sentence(
                "No open session is reported again after its start: set Acct-Interim-Interval of"
                f" {config.interim_seconds}, or interim_seconds to 0.",
                f"Tidak ada sesi yang dilaporkan lagi sesudah mulai: atur Acct-Interim-Interval {config.interim_seconds}, atau"
                " interim_seconds ke 0.",
            ),
        ), facts
    return (), facts


async def spelled_otherwise(database: RadiusDatabase, catalogue: Catalogue, config: RadiusConfig) -> Sequence[Sentence]:
    """Sessions that would belong to a customer if names were compared in another way: they would never be ended."""
    rows = await database.rows(
        f"SELECT username FROM {catalogue.quoted(config.radacct)} WHERE acctstoptime IS NULL ORDER BY radacctid DESC LIMIT {_OPEN_ROWS}"
    )
    open_names = {row["username"] for row in rows if row["username"]}
    meant = {spelling for name in open_names for spelling in names.of_session(name, "without_realm")}
    if not meant:
        return ()
    users = await database.rows(
        f"SELECT username FROM {catalogue.quoted(config.radcheck)} WHERE lower(username) IN :meant", meant=sorted(meant)
    )
    known = {names.folded(row["username"], config.matching) for row in users}
    for matching in _WIDER:
        widened = {names.folded(row["username"], matching): row["username"] for row in users}
        for name in sorted(open_names):
            wider = next((widened[spelling] for spelling in names.of_session(name, matching) if spelling in widened), None)
            if wider is not None and not known & set(names.of_session(name, config.matching)):
                return (
                    Sentence(
                        f"radacct has a session of '{name}', radcheck the user '{wider}': if it is the same, set matching to {matching}.",
                        f"Di radacct ada sesi '{name}', di radcheck pengguna '{wider}': bila sama, atur matching ke {matching}.",
                    ),
                )
    return ()


async def unknown_nas(database: RadiusDatabase, catalogue: Catalogue, config: RadiusConfig) -> Sequence[Sentence]:
    """Name the NASes with sessions that the settings don't have. Raises DeviceError."""
    address = database.dialect.text.format("nasipaddress")
    rows = await database.rows(f"SELECT DISTINCT {address} AS nas FROM {catalogue.quoted(config.radacct)} WHERE acctstoptime IS NULL")
    unknown = sorted({nas for row in rows if not config.nases_of(nas := address_of(row["nas"]))})
    if not unknown:
        return ()
    shown, more = ", ".join(unknown[:5]), len(unknown) - 5
    rest = Sentence(f" and {more} more", f" dan {more} lagi") if more > 0 else Sentence("", "")
    return (
        Sentence(
            f"Sessions run on NASes that the settings don't have, and can't be ended there: {shown}{rest.english}."
            " Add them to nas with their secret.",
            f"Ada sesi di NAS yang tidak ada di pengaturan, dan tidak bisa diakhiri di sana: {shown}{rest.indonesian}."
            " Tambahkan ke nas beserta rahasianya.",
        ),
    )
