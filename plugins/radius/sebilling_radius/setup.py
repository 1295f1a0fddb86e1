"""Check the setup of the RADIUS database in PostgreSQL's catalogue. Nothing is changed."""

from collections.abc import Mapping, Sequence
from typing import Final

from sebilling.plugins.contract import Sentence

from sebilling_radius.config import RadiusConfig
from sebilling_radius.customers import Tables
from sebilling_radius.database import RadiusDatabase

PRIVILEGES: Final[Mapping[str, str]] = {"s": "SELECT", "u": "SELECT (username)", "i": "INSERT", "w": "UPDATE", "d": "DELETE"}
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "radcheck": ("id", "username", "attribute", "op", "value"),
    "radreply": ("id", "username", "attribute", "op", "value"),
    "radusergroup": ("username", "groupname", "priority"),
    "radgroupreply": ("id", "groupname", "attribute", "op", "value"),
    "radacct": ("radacctid", "acctsessionid", "username", "nasipaddress", "acctstoptime"),
}
_UNIQUE: Final[Mapping[str, tuple[str, ...]]] = {
    "radusergroup": ("username", "groupname"),
    "radcheck": ("username", "attribute", "op", "value"),
    "radreply": ("username", "attribute", "op", "value"),
}
_LOCAL: Final = ("localhost", "127.", "::1", "/")
_COA: Final = Sentence(
    "Whether a NAS takes CoA can't be tried without a session: it shows when the first customer is blocked.",
    "Apakah NAS menerima CoA tidak bisa dicoba tanpa sesi: terlihat saat pelanggan pertama diisolir.",
)
_NO_TLS: Final = Sentence(
    "TLS is off and the database is on another machine: password and names cross the network readable. Set database_tls.",
    "TLS mati dan database ada di mesin lain: kata sandi dan nama lewat jaringan tanpa sandi. Nyalakan database_tls.",
)


async def examine(
    database: RadiusDatabase, config: RadiusConfig, *, needs: Mapping[str, str]
) -> tuple[list[Sentence], dict[str, Sentence | str]]:
    """Return (problems, facts) of the tables, the user's privileges, and the NASes. Raises DeviceError."""
    tables = Tables.of(config)
    facts: dict[str, Sentence | str] = {"postgresql": await database.value("SHOW server_version"), "coa": _COA}
    problems = [] if config.database_tls or config.database_host.startswith(_LOCAL) else [_NO_TLS]
    missing = await _missing(database, tables)
    if missing:
        return [*problems, *missing], facts
    lacking = [problem for name in needs for problem in await _lacking(database, getattr(tables, name), needs[name])]
    problems += lacking
    if excess := await _excess(database, tables):
        facts["privileges"] = excess
    if advice := await _advice(database, tables):
        facts["advice"] = " ".join(advice)
    if not lacking:
        problems += await _unknown_nas(database, tables, config)
    return problems, facts


async def group_problems(database: RadiusDatabase, tables: Tables, group: str) -> list[Sentence]:
    """Return what is missing in the walled garden's group. Raises DeviceError."""
    if not await database.value("SELECT to_regclass($1) IS NOT NULL AND has_table_privilege($1, 'SELECT')", tables.radgroupreply):
        return []  # reported by `examine`
    rows = await database.rows(f"SELECT attribute FROM {tables.radgroupreply} WHERE groupname = $1", group)
    if not rows:
        return [
            Sentence(
                f"The group '{group}' has no attributes in radgroupreply, so nobody would be held back: README, the walled garden's group.",
                f"Grup '{group}' tidak punya atribut di radgroupreply, jadi tidak ada yang tertahan: README, grup halaman isolir.",
            )
        ]
    if any(row["attribute"].lower() == "fall-through" for row in rows):
        return [
            Sentence(
                f"The group '{group}' has Fall-Through in radgroupreply, so the plan's group may be added to it: remove that row.",
                f"Grup '{group}' punya Fall-Through di radgroupreply, jadi grup paketnya bisa ikut terpakai: hapus baris itu.",
            )
        ]
    return []


async def _missing(database: RadiusDatabase, tables: Tables) -> list[Sentence]:
    problems = []
    for name, columns in COLUMNS.items():
        rows = await database.rows(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped", getattr(tables, name)
        )
        there = {row["attname"] for row in rows}
        if not there:
            problems.append(
                Sentence(
                    f"The table {name} isn't there: check schema_name and the tables' names, or load FreeRADIUS's schema.sql.",
                    f"Tabel {name} tidak ada: periksa schema_name dan nama tabelnya, atau muat schema.sql milik FreeRADIUS.",
                )
            )
        elif lacking := [column for column in columns if column not in there]:
            problems.append(
                Sentence(
                    f"The table {name} lacks {', '.join(lacking)}: it isn't that of FreeRADIUS 3.",
                    f"Tabel {name} tidak punya {', '.join(lacking)}: bukan tabel FreeRADIUS 3.",
                )
            )
    return problems


async def _lacking(database: RadiusDatabase, table: str, letters: str) -> list[Sentence]:
    missing = []
    for letter in letters:
        if letter == "u":
            granted = await database.value("SELECT has_column_privilege($1, 'username', 'SELECT')", table)
        else:
            granted = await database.value("SELECT has_table_privilege($1, $2)", table, PRIVILEGES[letter])
        if not granted:
            missing.append(PRIVILEGES[letter])
    sequence = (
        await database.value("SELECT pg_get_serial_sequence($1, 'id')", table)
        if "i" in letters and await _has_id(database, table)
        else None
    )
    if sequence and not await database.value("SELECT has_sequence_privilege($1, 'USAGE')", sequence):
        missing.append(f"USAGE on {sequence}")
    if not missing:
        return []
    privileges = ", ".join(missing)
    return [
        Sentence(
            f"The user lacks {privileges} on {table}: README, a user for SeBilling.",
            f"Penggunanya kurang hak {privileges} pada {table}: README, pengguna untuk SeBilling.",
        )
    ]


async def _has_id(database: RadiusDatabase, table: str) -> bool:
    return bool(await database.value("SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = 'id')", table))


async def _excess(database: RadiusDatabase, tables: Tables) -> Sentence | None:
    if await database.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        return Sentence(
            "The user is a superuser, which is more than is needed: README, a user for SeBilling.",
            "Penggunanya superuser, lebih dari yang diperlukan: README, pengguna untuk SeBilling.",
        )
    if await database.value("SELECT has_table_privilege($1, 'INSERT, UPDATE, DELETE')", tables.radacct):
        return Sentence(
            "The user may change radacct, which is more than is needed: README, a user for SeBilling.",
            "Penggunanya boleh mengubah radacct, lebih dari yang diperlukan: README, pengguna untuk SeBilling.",
        )
    return None


async def _advice(database: RadiusDatabase, tables: Tables) -> list[str]:
    """Return optional SQL for the operator: keys and indexes that FreeRADIUS's schema lacks."""
    advice = []
    for name, columns in _UNIQUE.items():
        table = getattr(tables, name)
        is_unique = await database.value(
            "SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = to_regclass($1) AND indisunique AND indpred IS NULL AND"
            " (SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey)) <@ $2::text[])",
            table, list(columns),
        )  # fmt: skip
        if not is_unique:
            advice.append(f"CREATE UNIQUE INDEX CONCURRENTLY {name}_once ON {table} ({', '.join(columns)});")
    if not await database.value(
        "SELECT EXISTS (SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
        " WHERE indrelid = to_regclass($1) AND attname = 'username')",
        tables.radacct,
    ):
        advice.append(f"CREATE INDEX CONCURRENTLY radacct_open_of_user ON {tables.radacct} (username) WHERE acctstoptime IS NULL;")
    return advice


async def _unknown_nas(database: RadiusDatabase, tables: Tables, config: RadiusConfig) -> Sequence[Sentence]:
    rows = await database.rows(f"SELECT DISTINCT host(nasipaddress::inet) AS nas FROM {tables.radacct} WHERE acctstoptime IS NULL")
    unknown = sorted(row["nas"] for row in rows if config.nas_of(row["nas"]) is None)
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
