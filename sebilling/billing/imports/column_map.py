"""Which column of a file is which field: by the headings that are known, and by what people said of the others, which is remembered."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlalchemy import text

from sebilling.billing.imports.columns import AMBIGUOUS, BY_HEADING, COLUMNS, FIELDS, spelt
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import InvalidFile, InvalidText


class Source(StrEnum):
    """Where it is known from what a column is."""

    HEADING = "heading"
    GIVEN = "given"
    """Now, by the person who imports."""
    REMEMBERED = "remembered"
    """From an import before."""


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column of a file. `field` None: it is left out."""

    place: int
    """From 0."""
    heading: str
    field: str | None
    source: Source


@dataclass(frozen=True, slots=True)
class GivenMap:
    """What a person said of a file's columns: fields of headings, lists of headings to leave out with commas between, and whether all
    that aren't known are left out."""

    fields: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    ignore_unknown: bool = False


_MAX_NAMED: Final = 20
"""In a message."""
_REMEMBERED: Final = text("SELECT heading, field FROM import_column WHERE heading = ANY (:headings)")
_REMEMBER: Final = text(
    """
    INSERT INTO import_column (heading, field, mapped_at, mapped_by) VALUES (:heading, :field, :at, :by)
    ON CONFLICT (heading) DO UPDATE SET field = excluded.field, mapped_at = excluded.mapped_at, mapped_by = excluded.mapped_by
    """
)


def read_given(pairs: Iterable[str], ignored: Iterable[str], *, ignore_unknown: bool) -> GivenMap:
    """What the command line says: pairs such as `Catatan=address`, and lists of headings with commas between. Raises InvalidText."""
    fields: dict[str, str] = {}
    for pair in pairs:
        heading, _, name = pair.rpartition("=")
        if not heading or name.strip() not in FIELDS:
            why = f"write HEADING=FIELD; the fields are {', '.join(FIELDS)}."
            raise InvalidText(field=("map",), what=f"The column map '{pair[:60]}'", why=why)
        fields[heading.strip()] = name.strip()
    return GivenMap(fields, tuple(ignored), ignore_unknown=ignore_unknown)


async def remembered(session: ReadSession, headings: Sequence[str]) -> dict[str, str | None]:
    """What earlier imports were told of these headings: as `spelt` → the field, None for one that is left out."""
    rows = await session.rows(_REMEMBERED, {"headings": [spelt(heading) for heading in headings]})
    return {row.heading: row.field for row in rows if row.field is None or row.field in FIELDS}


async def remember(session: WriteSession, columns: Sequence[MappedColumn]) -> None:
    """Keep what was given for these columns, in this transaction. Leaving out a column that is known isn't kept: it is said each time."""
    for column in columns:
        heading = spelt(column.heading)
        if column.source is Source.GIVEN and (column.field is not None or heading not in BY_HEADING):
            bound = {"heading": heading, "field": column.field, "at": session.at, "by": session.actor.name}
            await session.execute(_REMEMBER, bound)


def assign(file: str, headings: Sequence[str], given: GivenMap, before: Mapping[str, str | None]) -> list[MappedColumn]:
    """Each column that has a heading, with its field. Raises InvalidFile for columns that nobody knows, are missing, or mean the same."""
    _check_given(file, headings, given)
    fields = {spelt(heading): name for heading, name in given.fields.items()}
    ignored = {spelt(heading) for heading in _ignored(headings, given)}
    columns: list[MappedColumn] = []
    unknown: list[tuple[int, str]] = []
    for place, heading in enumerate(headings):
        key = spelt(heading)
        if not heading:
            continue
        if key in fields or key in ignored:
            columns.append(MappedColumn(place, heading, fields.get(key), Source.GIVEN))
        elif key in before:
            columns.append(MappedColumn(place, heading, before[key], Source.REMEMBERED))
        elif key in BY_HEADING:
            columns.append(MappedColumn(place, heading, BY_HEADING[key], Source.HEADING))
        else:
            unknown.append((place, heading))
            columns.append(MappedColumn(place, heading, None, Source.HEADING))
    either = [(heading, AMBIGUOUS[spelt(heading)]) for _, heading in unknown if spelt(heading) in AMBIGUOUS]
    unknown = [(place, heading) for place, heading in unknown if spelt(heading) not in AMBIGUOUS]
    wrong = [
        *_twice(columns), *_missing(columns), *_ambiguous(either), *(_unknown(unknown) if unknown and not given.ignore_unknown else ())
    ]  # fmt: skip
    if wrong:
        raise InvalidFile(file=file, why=" ".join(wrong))
    return columns


def _check_given(file: str, headings: Sequence[str], given: GivenMap) -> None:
    there = {spelt(heading) for heading in headings if heading}
    left_out = _ignored(headings, given)
    absent = [heading for heading in [*given.fields, *left_out] if spelt(heading) not in there]
    if absent:
        why = f"it has no column '{absent[0]}'; its columns are: {_named(heading for heading in headings if heading)}."
        raise InvalidFile(file=file, why=why)
    both = [heading for heading in left_out if spelt(heading) in {spelt(mapped) for mapped in given.fields}]
    if both:
        raise InvalidFile(file=file, why=f"the column '{both[0]}' is both mapped and left out: choose one.")


def _ignored(headings: Sequence[str], given: GivenMap) -> list[str]:
    """The headings that are to be left out, of lists with commas between; a heading may have commas itself."""
    there = {spelt(heading) for heading in headings if heading}
    found: list[str] = []
    for listed in given.ignored:
        parts = listed.split(",")
        while parts:
            ends = (end for end in range(len(parts), 1, -1) if spelt(",".join(parts[:end])) in there)
            end = next(ends, 1) if spelt(parts[0]) not in there else 1
            if heading := ",".join(parts[:end]).strip():
                found.append(heading)
            parts = parts[end:]
    return found


def _twice(columns: Sequence[MappedColumn]) -> list[str]:
    counted = Counter(column.field for column in columns if column.field is not None)
    told = []
    for name in (name for name, count in counted.items() if count > 1):
        same = [column.heading for column in columns if column.field == name]
        alike = len({spelt(heading) for heading in same}) < len(same)
        remedy = "rename or remove one." if alike else f'leave one out by --ignore-columns "{same[-1]}".'
        told.append(f"the columns {_named(same)} mean the same ({FIELDS[name].title}): {remedy}")
    return told


def _missing(columns: Sequence[MappedColumn]) -> list[str]:
    there = {column.field for column in columns}
    titles = [column.title for column in COLUMNS if column.required and column.field not in there]
    return [f'there is no column for {", ".join(titles)}: add it, or say by --map "HEADING=FIELD" which one it is.'] if titles else []


def _ambiguous(either: Sequence[tuple[str, tuple[str, str]]]) -> list[str]:
    """Not even left out unsaid by ignore_unknown: it is money."""
    return [
        f"the column '{heading}' can be what they owe, or what they have paid ahead: say which by --map \"{heading}={one}\""
        f' or --map "{heading}={other}", or leave it out by --ignore-columns "{heading}".'
        for heading, (one, other) in either
    ]


def _unknown(unknown: Sequence[tuple[int, str]]) -> list[str]:
    listed = ", ".join(f"'{heading}' (column {place + 1})" for place, heading in unknown[:_MAX_NAMED])
    if len(unknown) > _MAX_NAMED:
        listed += f" and {len(unknown) - _MAX_NAMED} more"
    ignore = ",".join(heading for _, heading in unknown[:_MAX_NAMED])
    mapping = (
        f'Say which field each is by --map "HEADING=FIELD" (fields: {", ".join(FIELDS)}), or leave them out by --ignore-columns "{ignore}".'
    )
    return [f"these columns aren't known, and what is in them would be lost: {listed}. {mapping}"]


def _named(headings: Iterable[str]) -> str:
    return ", ".join(f"'{heading}'" for heading in headings)
