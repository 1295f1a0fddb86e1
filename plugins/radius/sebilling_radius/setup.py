"""Check the setup of the RADIUS database and its accounting. Nothing is changed."""

from collections.abc import Mapping, Sequence
from typing import Final

from sebilling.plugins.contract import Sentence

from sebilling_radius import accounting
from sebilling_radius.catalogue import Catalogue, catalogue_of
from sebilling_radius.config import GroupConfig, RadiusConfig
from sebilling_radius.database import RadiusDatabase
from sebilling_radius.dialects import MYSQL
from sebilling_radius.radacct import Radacct

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "radcheck": ("id", "username", "attribute", "op", "value"),
    "radreply": ("id", "username", "attribute", "op", "value"),
    "radusergroup": ("username", "groupname", "priority"),
    "radgroupreply": ("id", "groupname", "attribute", "op", "value"),
    "radgroupcheck": ("groupname", "attribute", "value"),
    "radacct": (
        "radacctid",
        "acctsessionid",
        "username",
        "nasipaddress",
        "acctstarttime",
        "acctupdatetime",
        "acctstoptime",
        "acctterminatecause",
    ),
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
    database: RadiusDatabase, config: RadiusConfig, radacct: Radacct, *, needs: Mapping[str, str]
) -> tuple[list[Sentence], dict[str, Sentence | str]]:
    """Return (problems, facts) of the tables, the user's privileges, and the NASes. Raises DeviceError."""
    catalogue = catalogue_of(database, config)
    facts: dict[str, Sentence | str] = {database.dialect.title.lower(): await catalogue.version(), "coa": _COA}
    problems = [] if config.database_tls or config.database_host.startswith(_LOCAL) else [_NO_TLS]
    missing = await _missing(catalogue, config, needs)
    if missing:
        return [*problems, *missing], facts
    lacking = [problem for name in needs for problem in await _lacking(catalogue, getattr(config, name), needs[name])]
    problems += lacking
    if excess := await _excess(catalogue, config):
        facts["privileges"] = excess
    if advice := await _advice(catalogue, config, database):
        facts["advice"] = " ".join(advice)
    problems += await _comparing(catalogue, config)
    if not lacking:
        problems += await accounting.unknown_nas(database, catalogue, config)
        problems += await accounting.spelled_otherwise(database, catalogue, config)
        troubles, more = await accounting.state(database, catalogue, config, radacct)
        problems += troubles
        facts |= more
    return problems, facts


async def group_problems(database: RadiusDatabase, config: GroupConfig) -> list[Sentence]:
    """Return what is missing in the walled garden's group. Raises DeviceError."""
    group, catalogue = config.group, catalogue_of(database, config)
    if not await catalogue.columns(config.rejected):
        return [
            Sentence(
                f"The view {config.rejected} isn't there: create it as in README, a user for SeBilling.",
                f"View {config.rejected} tidak ada: buat seperti di README, pengguna untuk SeBilling.",
            )
        ]
    if not await catalogue.columns(config.radgroupreply) or await catalogue.lacking(config.radgroupreply, "s"):
        return []  # reported by `examine`
    table = catalogue.quoted(config.radgroupreply)
    rows = await database.rows(f"SELECT attribute FROM {table} WHERE groupname = :name", name=group)
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


async def _missing(catalogue: Catalogue, config: RadiusConfig, needs: Mapping[str, str]) -> list[Sentence]:
    problems = []
    for name, required in COLUMNS.items():
        columns = ("username",) if needs.get(name) == "u" else required  # MySQL hides columns that the user may not read
        there = await catalogue.columns(getattr(config, name))
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


async def _lacking(catalogue: Catalogue, table: str, letters: str) -> list[Sentence]:
    missing = await catalogue.lacking(table, letters) if await catalogue.columns(table) else ()
    if not missing:
        return []
    privileges = ", ".join(missing)
    return [
        Sentence(
            f"The user lacks {privileges} on {catalogue.quoted(table)}: README, a user for SeBilling.",
            f"Penggunanya kurang hak {privileges} pada {catalogue.quoted(table)}: README, pengguna untuk SeBilling.",
        )
    ]


async def _excess(catalogue: Catalogue, config: RadiusConfig) -> Sentence | None:
    if await catalogue.is_superuser():
        return Sentence(
            "The user is a superuser, which is more than is needed: README, a user for SeBilling.",
            "Penggunanya superuser, lebih dari yang diperlukan: README, pengguna untuk SeBilling.",
        )
    if await catalogue.may_change(config.radacct):
        return Sentence(
            "The user may change radacct, which is more than is needed: README, a user for SeBilling.",
            "Penggunanya boleh mengubah radacct, lebih dari yang diperlukan: README, pengguna untuk SeBilling.",
        )
    return None


async def _advice(catalogue: Catalogue, config: RadiusConfig, database: RadiusDatabase) -> list[str]:
    """Return optional SQL for the operator: keys and indexes that FreeRADIUS's schema lacks."""
    how = "" if database.dialect is MYSQL else " CONCURRENTLY"
    advice = []
    for name, columns in _UNIQUE.items():
        table = getattr(config, name)
        if not await catalogue.is_unique(table, columns):
            advice.append(f"CREATE UNIQUE INDEX{how} {name}_once ON {catalogue.quoted(table)} ({', '.join(columns)});")
    if not await catalogue.has_index(config.radacct, "username"):
        advice.append(f"CREATE INDEX{how} radacct_of_user ON {catalogue.quoted(config.radacct)} (username, radacctid);")
    return advice


async def _comparing(catalogue: Catalogue, config: RadiusConfig) -> Sequence[Sentence]:
    """Return what is wrong with how the tables compare and store."""
    problems = []
    if config.matching == "exact" and await catalogue.ignores_case(config.radcheck):
        problems.append(
            Sentence(
                "The tables compare user names without regard to capitals, so 'Budi' logs in as 'budi': set matching to lower.",
                "Tabelnya membandingkan nama tanpa membedakan huruf besar, jadi 'Budi' masuk sebagai 'budi': atur matching ke lower.",
            )
        )
    tables = (config.radcheck, config.radreply, config.radusergroup)
    problems += [
        Sentence(
            f"The table {table} can't roll back: ALTER TABLE {table} ENGINE = InnoDB;",
            f"Tabel {table} tidak mendukung rollback: ALTER TABLE {table} ENGINE = InnoDB;",
        )
        for table in tables
        if not await catalogue.has_transactions(table)
    ]
    return problems
