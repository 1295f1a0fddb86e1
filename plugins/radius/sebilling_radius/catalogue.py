"""What the database's own catalogue says of the tables: columns, keys, and the user's privileges."""

import abc
import re
from collections.abc import Mapping, Sequence
from typing import Final

from sebilling_radius.config import RadiusConfig
from sebilling_radius.database import RadiusDatabase
from sebilling_radius.dialects import MYSQL

PRIVILEGES: Final[Mapping[str, str]] = {"s": "SELECT", "u": "SELECT (username)", "i": "INSERT", "w": "UPDATE", "d": "DELETE"}
_GRANT: Final = re.compile(r"GRANT (.{1,1000}?) ON (?:`?([^`.]{0,100})`?)\.(?:`?([^`]{0,100}?)`?) TO ", re.IGNORECASE)
_COLUMNS: Final = re.compile(r"(\w{1,40}(?: \w{1,40}){0,4})(?: \(([^)]{0,500})\))?")


class Catalogue(abc.ABC):
    """Questions about tables, by the names of the settings."""

    def __init__(self, database: RadiusDatabase, config: RadiusConfig) -> None:
        self._database, self._config = database, config

    def quoted(self, table: str) -> str:
        """Return a table's name for a statement."""
        return self._database.dialect.table(table, self._config.schema_name)

    @abc.abstractmethod
    async def version(self) -> str:
        """Return the server's version. Raises DeviceError."""

    @abc.abstractmethod
    async def columns(self, table: str) -> frozenset[str]:
        """Return the columns in lower case; none if the table isn't there. Raises DeviceError."""

    @abc.abstractmethod
    async def lacking(self, table: str, letters: str) -> Sequence[str]:
        """Return those of these privileges that the user lacks. Raises DeviceError."""

    @abc.abstractmethod
    async def may_change(self, table: str) -> bool:
        """Whether the user may change a table's rows. Raises DeviceError."""

    @abc.abstractmethod
    async def is_superuser(self) -> bool:
        """Whether the user may do everything. Raises DeviceError."""

    @abc.abstractmethod
    async def is_unique(self, table: str, columns: Sequence[str]) -> bool:
        """Whether a key keeps these columns, or some of them, unique. Raises DeviceError."""

    @abc.abstractmethod
    async def has_index(self, table: str, column: str) -> bool:
        """Whether an index begins with the column. Raises DeviceError."""

    @abc.abstractmethod
    async def ignores_case(self, table: str) -> bool:
        """Whether the column username compares without regard to capitals. Raises DeviceError."""

    @abc.abstractmethod
    async def has_transactions(self, table: str) -> bool:
        """Whether changes of the table can be rolled back. Raises DeviceError."""


class PostgresqlCatalogue(Catalogue):
    """By pg_catalog."""

    async def version(self) -> str:
        return str(await self._database.value("SHOW server_version"))

    async def columns(self, table: str) -> frozenset[str]:
        rows = await self._database.rows(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:name) AND attnum > 0 AND NOT attisdropped",
            name=self.quoted(table),
        )
        return frozenset(row["attname"] for row in rows)

    async def lacking(self, table: str, letters: str) -> Sequence[str]:
        name = self.quoted(table)
        missing = []
        for letter in letters:
            if letter == "u":
                granted = await self._database.value("SELECT has_column_privilege(:name, 'username', 'SELECT')", name=name)
            else:
                granted = await self._database.value("SELECT has_table_privilege(:name, :one)", name=name, one=PRIVILEGES[letter])
            if not granted:
                missing.append(PRIVILEGES[letter])
        if "i" in letters and "id" in await self.columns(table):
            sequence = await self._database.value("SELECT pg_get_serial_sequence(:name, 'id')", name=name)
            if sequence and not await self._database.value("SELECT has_sequence_privilege(:name, 'USAGE')", name=sequence):
                missing.append(f"USAGE on {sequence}")
        return missing

    async def may_change(self, table: str) -> bool:
        return bool(await self._database.value("SELECT has_table_privilege(:name, 'INSERT, UPDATE, DELETE')", name=self.quoted(table)))

    async def is_superuser(self) -> bool:
        return bool(await self._database.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))

    async def is_unique(self, table: str, columns: Sequence[str]) -> bool:
        keys = await self._database.rows(
            "SELECT indexrelid, attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)"
            " WHERE indrelid = to_regclass(:name) AND indisunique AND indpred IS NULL",
            name=self.quoted(table),
        )
        return _within([(row["indexrelid"], row["attname"]) for row in keys], columns)

    async def has_index(self, table: str, column: str) -> bool:
        exists = await self._database.value(
            "SELECT EXISTS (SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
            " WHERE indrelid = to_regclass(:name) AND attname = :one)",
            name=self.quoted(table), one=column,
        )  # fmt: skip
        return bool(exists)

    async def ignores_case(self, table: str) -> bool:
        del table
        return False

    async def has_transactions(self, table: str) -> bool:
        del table
        return True


class MysqlCatalogue(Catalogue):
    """By information_schema and SHOW GRANTS, of MySQL and MariaDB."""

    _grants: Sequence[tuple[frozenset[str], str, str]] | None = None

    @property
    def _schema(self) -> str:
        return self._config.schema_name or self._config.database_name

    async def version(self) -> str:
        return str(await self._database.value("SELECT version()"))

    async def columns(self, table: str) -> frozenset[str]:
        rows = await self._database.rows(
            "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = :place AND table_name = :name",
            place=self._schema, name=table,
        )  # fmt: skip
        return frozenset(row["name"].lower() for row in rows)

    async def lacking(self, table: str, letters: str) -> Sequence[str]:
        return [PRIVILEGES[letter] for letter in letters if not await self._may(PRIVILEGES[letter], table)]

    async def may_change(self, table: str) -> bool:
        return any([await self._may(word, table) for word in ("INSERT", "UPDATE", "DELETE")])

    async def is_superuser(self) -> bool:
        return any("SUPER" in words or "ALL PRIVILEGES" in words for words, schema, _ in await self._granted() if schema == "*")

    async def is_unique(self, table: str, columns: Sequence[str]) -> bool:
        rows = await self._database.rows(
            "SELECT index_name AS name, column_name AS part FROM information_schema.statistics"
            " WHERE table_schema = :place AND table_name = :name AND non_unique = 0",
            place=self._schema, name=table,
        )  # fmt: skip
        return _within([(row["name"], row["part"].lower()) for row in rows], columns)

    async def has_index(self, table: str, column: str) -> bool:
        indexes = await self._database.value(
            "SELECT count(*) FROM information_schema.statistics"
            " WHERE table_schema = :place AND table_name = :name AND column_name = :one AND seq_in_index = 1",
            place=self._schema, name=table, one=column,
        )  # fmt: skip
        return bool(indexes)

    async def ignores_case(self, table: str) -> bool:
        collation = await self._database.value(
            "SELECT collation_name FROM information_schema.columns"
            " WHERE table_schema = :place AND table_name = :name AND column_name = 'username'",
            place=self._schema, name=table,
        )  # fmt: skip
        return str(collation or "").endswith("_ci")

    async def has_transactions(self, table: str) -> bool:
        engine = await self._database.value(
            "SELECT engine FROM information_schema.tables WHERE table_schema = :place AND table_name = :name",
            place=self._schema, name=table,
        )  # fmt: skip
        return str(engine).lower() not in {"myisam", "aria", "memory"}

    async def _may(self, word: str, table: str) -> bool:
        plain = word.partition(" ")[0]
        for words, schema, name in await self._granted():
            here = schema in {"*", self._schema, self._schema.replace("_", "\\_")} and name in {"*", table}
            if here and {word, plain, "ALL PRIVILEGES"} & words:
                return True
        return False

    async def _granted(self) -> Sequence[tuple[frozenset[str], str, str]]:
        """Return (privileges, schema, table) of each grant; a privilege on a column is `SELECT (username)`."""
        if self._grants is None:
            lines = [str(next(iter(row.values()))) for row in await self._database.rows("SHOW GRANTS FOR CURRENT_USER")]
            matches = [match for line in lines if (match := _GRANT.match(line))]
            self._grants = [(frozenset(_words(match[1])), match[2], match[3]) for match in matches]
        return self._grants


def _words(privileges: str) -> list[str]:
    words = []
    for match in _COLUMNS.finditer(privileges):
        if match[2] is None:
            words.append(match[1].upper())
        else:
            words += [f"{match[1].upper()} ({column.strip(' `').lower()})" for column in match[2].split(",")]
    return words


def _within(keys: Sequence[tuple[object, str]], columns: Sequence[str]) -> bool:
    """Whether all columns of one of these keys are among `columns`."""
    return any({column for other, column in keys if other == key} <= set(columns) for key, _ in keys)


def catalogue_of(database: RadiusDatabase, config: RadiusConfig) -> Catalogue:
    """Return the catalogue of the connected database."""
    return (MysqlCatalogue if database.dialect is MYSQL else PostgresqlCatalogue)(database, config)
