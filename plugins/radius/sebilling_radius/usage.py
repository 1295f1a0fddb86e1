"""Read who is online now, by the open sessions of radacct."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from sebilling.plugins.contract import Usage

from sebilling_radius import names
from sebilling_radius.customers import Source
from sebilling_radius.radacct import address_of

COLUMNS: Final = ("acctinputoctets", "acctoutputoctets", "callingstationid", "framedipaddress")
_HEX: Final = re.compile(r"[0-9A-F]{12}")


async def read(source: Source, columns: Sequence[str], *, service_kind: str) -> list[Usage]:
    """Return each open session; `columns` are those of radacct. A name that radcheck lacks is as the NAS reports it. Raises DeviceError."""
    dialect, tables = source.database.dialect, source.tables
    users = await source.database.rows(f"SELECT username FROM {tables.radcheck}")
    spelled = {source.folded(row["username"]): row["username"] for row in users}
    some = [name for name in COLUMNS if name in columns]
    wanted = ", ".join(f"{dialect.text.format(name) if name == 'framedipaddress' else name} AS {name}" for name in some)
    rows = await source.database.rows(
        f"SELECT username, {dialect.epoch.format('acctstarttime')} AS since{', ' if wanted else ''}{wanted} FROM {tables.radacct}"
        " WHERE acctstoptime IS NULL ORDER BY radacctid"
    )
    return [
        Usage(
            _key(spelled, source, row["username"] or ""), service_kind,
            since=datetime.fromtimestamp(float(row["since"]), UTC) if row["since"] is not None else None,
            address=address_of(row.get("framedipaddress")), mac=_mac(row.get("callingstationid") or ""),
            bytes_up=row.get("acctinputoctets"), bytes_down=row.get("acctoutputoctets"),
        )
        for row in rows
    ]  # fmt: skip


def _key(spelled: Mapping[str, str], source: Source, name: str) -> str:
    return next((spelled[spelling] for spelling in names.of_session(name, source.matching) if spelling in spelled), name)


def _mac(text: str) -> str:
    digits = re.sub(r"[:.\-]", "", text.upper())
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2)) if _HEX.fullmatch(digits) else ""
