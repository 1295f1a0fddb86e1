"""Read rows of tables from an SQL dump, as MySQL's and SQLite's own tools write it. Nothing in it is ever executed.

The dump is read once; only the requested columns are kept, so no password of a dump is ever extracted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sebilling.billing.imports import encoded
from sebilling.errors import InvalidFile
from sebilling.language import Sentence

Record = dict[str, str | None]
"""Column → value as text; None for NULL, and for a column that the dump doesn't have."""

MAX_ROWS: Final = 2_000_000
"""Limit of all tables that are read."""
MAX_CHARACTERS: Final = 64 * 1024
"""Limit of a value that is kept."""
# Every pattern is possessive, so nothing is ever backtracked: reading is linear in the dump's length.
_TEXT: Final = r"'[^'\\]*+(?:\\.[^'\\]*+)*+'?"
_PLAIN_TEXT: Final = r"'[^']*+'?"
_COMMENT: Final = r"--[^\n]*+|\#[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?"
_NAME: Final = r"`[^`]*+`?|\"[^\"]*+\"?|\[[^\]]*+\]?|[A-Za-z_][A-Za-z0-9_$]*+"
_KEYS: Final = frozenset(("PRIMARY", "KEY", "UNIQUE", "CONSTRAINT", "INDEX", "FOREIGN", "CHECK", "FULLTEXT", "SPATIAL", "EXCLUDE"))


_CUT_OFF: Final = Sentence("is cut off", "terpotong")
_NO_INSERT: Final = Sentence("is no plain INSERT … VALUES", "bukan INSERT … VALUES biasa")
_TRIGGER: Final = re.compile(r"\s++(?:TEMP(?:ORARY)?\s++)?TRIGGER\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """Syntax of a program's dumps."""

    token: re.Pattern[str]
    rest: re.Pattern[str]
    """Matches from anywhere in a statement to the end of its semicolon."""
    backslashes: bool


def _token(text: str) -> str:
    """Return the pattern of a token; `text` is that of a quoted text."""
    return (
        rf"(?P<space>\s++|{_COMMENT})|(?P<hex>0[xX][0-9A-Fa-f]++|[xX]'[0-9A-Fa-f]*+')|(?P<text>{text})"
        rf"|(?P<number>[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)|(?P<name>{_NAME})|(?P<mark>.)"
    )


def _rest(text: str) -> str:
    """Return the pattern from anywhere in a statement to the end of its semicolon."""
    return rf"(?:[^;'\"`\-\#/]++|{text}|\"[^\"]*+\"?|`[^`]*+`?|{_COMMENT}|[\-/])*+;"


MYSQL: Final = Dialect(token=re.compile(_token(_TEXT), re.DOTALL), rest=re.compile(_rest(_TEXT), re.DOTALL), backslashes=True)
SQLITE: Final = Dialect(token=re.compile(_token(_PLAIN_TEXT), re.DOTALL), rest=re.compile(_rest(_PLAIN_TEXT), re.DOTALL), backslashes=False)


@dataclass(slots=True)
class Dump:
    """Rows by table, and the columns of each table that the dump contains."""

    rows: dict[str, list[Record]]
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class _Reader:
    file: str
    text: str
    dialect: Dialect
    at: int = 0

    def tokens(self) -> Iterator[tuple[str, str]]:
        """Yield kind and text of each further token, without white space and comments."""
        while self.at < len(self.text):
            match = self.dialect.token.match(self.text, self.at)
            if match is None:
                raise self.fault(Sentence("can't be read", "tidak bisa dibaca"))
            self.at = match.end()
            if match.lastgroup != "space":
                yield str(match.lastgroup), match[0]

    def skip(self) -> None:
        """Move behind this statement."""
        match = self.dialect.rest.match(self.text, self.at)
        if match is None:
            raise self.fault(_CUT_OFF)
        self.at = match.end()

    def skip_trigger(self) -> None:
        """Move behind a trigger, whose statements are between BEGIN and END."""
        self.skip()
        while not self.text[max(self.at - 12, 0) : self.at - 1].rstrip().upper().endswith("END"):
            self.skip()

    def fault(self, what: Sentence) -> InvalidFile:
        """Return an error that names the line and the remedy."""
        line = self.text.count("\n", 0, self.at) + 1
        why = Sentence(
            f"the SQL on line {line} {what.english}: make the dump again, and copy the whole file.",
            f"SQL di baris {line} {what.indonesian}: buat lagi dump-nya, dan salin seluruh berkas.",
        )
        return InvalidFile(file=self.file, why=why)


def read(name: str, data: bytes, wanted: Mapping[str, Sequence[str]], dialect: Dialect) -> Dump:
    """Read the rows of these tables, with these columns only. Raises InvalidFile.

    A table that the dump doesn't contain has no rows and isn't in `columns`.
    """
    _, skipped = encoded.marked(data)
    try:
        content = data[skipped:].decode("utf-8")
    except UnicodeDecodeError as error:
        line = encoded.line_of(data, error.start)
        why = Sentence(
            f"line {line} isn't UTF-8: make the dump with --default-character-set=utf8mb4 --hex-blob.",
            f"baris {line} bukan UTF-8: buat dump-nya dengan --default-character-set=utf8mb4 --hex-blob.",
        )
        raise InvalidFile(file=name, why=why) from error
    dump = Dump({table: [] for table in wanted})
    reader = _Reader(name, content, dialect)
    for kind, word in reader.tokens():
        if kind == "mark" and word == ";":
            continue
        verb = word.upper() if kind == "name" else ""
        if verb == "CREATE" and _TRIGGER.match(reader.text, reader.at):
            reader.skip_trigger()
            continue
        table = _table(reader) if verb in {"CREATE", "INSERT", "REPLACE"} else None
        if table not in wanted or table is None:
            reader.skip()
        elif verb == "CREATE":
            dump.columns[table] = tuple(_defined(reader))
        else:
            dump.rows[table] += _inserted(reader, dump, table, wanted[table])
            if sum(map(len, dump.rows.values())) > MAX_ROWS:
                why = Sentence(
                    f"it has more than {MAX_ROWS} rows: is it the right file?", f"lebih dari {MAX_ROWS} baris: apakah berkasnya benar?"
                )
                raise InvalidFile(file=name, why=why)
    return dump


def _table(reader: _Reader) -> str | None:
    """Return the table of an INSERT INTO or CREATE TABLE and move behind its name; None, without moving, for any other statement."""
    before = reader.at
    for kind, word in reader.tokens():
        if kind != "name" or (word.upper() in {"VIEW", "TRIGGER", "INDEX", "UNIQUE", "PROCEDURE", "FUNCTION", "DATABASE", "VIRTUAL"}):
            break
        if word.upper() not in {"INTO", "TABLE", "IF", "NOT", "EXISTS", "IGNORE", "OR", "REPLACE", "TEMPORARY"}:
            return _unquoted(word)
    reader.at = before
    return None


def _defined(reader: _Reader) -> Iterator[str]:
    """Yield the names of a CREATE TABLE's columns, in order."""
    depth, begins = 0, False
    for kind, word in reader.tokens():
        if kind == "mark" and word in {"(", ")"}:
            depth += 1 if word == "(" else -1
            begins = word == "(" and depth == 1
        elif word == ";" and kind == "mark" and depth == 0:
            return
        elif kind == "mark" and word == "," and depth == 1:
            begins = True
        elif begins:
            begins = False
            if kind == "name" and (word[:1] in '`"[' or word.upper() not in _KEYS):
                yield _unquoted(word)
    raise reader.fault(_CUT_OFF)


def _inserted(reader: _Reader, dump: Dump, table: str, wanted: Sequence[str]) -> Iterator[Record]:
    """Yield the rows of an INSERT."""
    names: list[str] = []
    tokens = reader.tokens()
    for kind, word in tokens:
        if kind == "name" and word.upper() == "VALUES":
            break
        if kind == "name":
            names.append(_unquoted(word))
        elif word not in {"(", ")", ","}:
            raise reader.fault(_NO_INSERT)
    columns = tuple(names) or dump.columns.get(table)
    if columns is None:
        lack = Sentence(
            f"fills {table} without naming its columns, which the dump doesn't tell either (it needs CREATE TABLE)",
            f"mengisi {table} tanpa menyebut kolomnya, dan dump-nya juga tidak menyebutnya (perlu CREATE TABLE)",
        )
        raise reader.fault(lack)
    dump.columns.setdefault(table, columns)
    places = {columns.index(column): column for column in wanted if column in columns}
    for kind, word in tokens:
        if kind == "mark" and word == ";":
            return
        if kind == "mark" and word == "(":
            yield dict.fromkeys(wanted) | _row(reader, tokens, places, len(columns))
        elif (kind, word) != ("mark", ","):
            raise reader.fault(_NO_INSERT)
    raise reader.fault(_CUT_OFF)


def _row(reader: _Reader, tokens: Iterator[tuple[str, str]], places: Mapping[int, str], width: int) -> Record:
    """Read one row in brackets, after its opening bracket. Values of other columns are only skipped."""
    record: Record = {}
    index, filled, depth = 0, False, 0
    for kind, word in tokens:
        if kind == "mark" and word in ",)" and not depth:
            if not filled and places.get(index):
                raise reader.fault(Sentence(f"has no value for {places[index]}", f"tidak punya nilai untuk {places[index]}"))
            if word == ")":
                if index + 1 != width:
                    counts = Sentence(
                        f"has a row of {index + 1} values for {width} columns", f"punya baris {index + 1} nilai untuk {width} kolom"
                    )
                    raise reader.fault(counts)
                return record
            index, filled = index + 1, False
            continue
        depth += (word == "(") - (word == ")") if kind == "mark" else 0
        column = places.get(index)
        if column is None:
            filled = True
        elif not (kind == "name" and word.startswith("_") and not filled):  # the character set before a text
            record[column] = _value(reader, kind, word, record.get(column) if filled else None, column)
            filled = True
    raise reader.fault(_CUT_OFF)


def _value(reader: _Reader, kind: str, word: str, before: str | None, column: str) -> str | None:
    """Return a plain value. Two adjacent texts are one, with a quote in between."""
    if kind == "text" and len(word) > 1 and word.endswith("'"):
        value = _text(word[1:-1], reader.dialect)
        value = value if before is None else f"{before}'{value}"
    elif before is not None or kind not in {"number", "hex", "name"}:
        raise reader.fault(_no_value(column))
    elif kind == "number":
        value = word
    elif kind == "hex":
        digits = word.strip("'")[2:]
        value = bytes.fromhex("0" * (len(digits) % 2) + digits).decode("utf-8", "replace")
    elif word.upper() in {"NULL", "TRUE", "FALSE"}:
        return {"NULL": None, "TRUE": "1", "FALSE": "0"}[word.upper()]
    else:
        raise reader.fault(_no_value(column))
    if len(value) > MAX_CHARACTERS:
        lengthy = Sentence(
            f"has more than {MAX_CHARACTERS} characters in {column}", f"punya lebih dari {MAX_CHARACTERS} karakter di {column}"
        )
        raise reader.fault(lengthy)
    return value


def _no_value(column: str) -> Sentence:
    return Sentence(f"has something in {column} that is no plain value", f"punya isi di {column} yang bukan nilai biasa")


_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "b": "\b", "Z": "\x1a"}


def _text(body: str, dialect: Dialect) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), body) if dialect.backslashes and "\\" in body else body


def _unquoted(name: str) -> str:
    return name.strip('`"[]')
