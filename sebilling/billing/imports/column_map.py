"""Map the columns of a file to fields: by known headings, and by what the user specified for others, which is remembered."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlalchemy import text

from sebilling.billing.imports.columns import AMBIGUOUS, BY_HEADING, COLUMNS, FIELDS, spelt
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import InvalidFile, InvalidText
from sebilling.language import Sentence


class Source(StrEnum):
    """How a column's field was determined."""

    HEADING = "heading"
    GIVEN = "given"
    """Specified by the user for this import."""
    REMEMBERED = "remembered"
    """Specified in an earlier import."""


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column of a file. `field` is None if it is left out."""

    place: int
    """Index of the column, from 0."""
    heading: str
    field: str | None
    source: Source


@dataclass(frozen=True, slots=True)
class GivenMap:
    """What the user specified for a file's columns: fields by heading, comma-separated lists of headings to leave out, and whether to
    leave out all unknown ones."""

    fields: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    ignore_unknown: bool = False


@dataclass(frozen=True, slots=True)
class _Remembered:
    heading: str
    field: str | None
    """None: the column is left out."""


_MAX_NAMED: Final = 20
"""Columns listed in a message."""
_REMEMBERED: Final = text("SELECT heading, field FROM import_column WHERE heading = ANY (:headings)")
_REMEMBER: Final = text(
    """
    INSERT INTO import_column (heading, field, mapped_at, mapped_by) VALUES (:heading, :field, :at, :by)
    ON CONFLICT (heading) DO UPDATE SET field = excluded.field, mapped_at = excluded.mapped_at, mapped_by = excluded.mapped_by
    """
)


def read_given(pairs: Iterable[str], ignored: Iterable[str], *, ignore_unknown: bool) -> GivenMap:
    """Parse command line options: pairs such as `Catatan=address`, and comma-separated lists of headings. Raises InvalidText."""
    fields: dict[str, str] = {}
    for pair in pairs:
        heading, _, name = pair.rpartition("=")
        if not heading or name.strip() not in FIELDS:
            fields_there = ", ".join(FIELDS)
            why = Sentence(
                f"write HEADING=FIELD; the fields are {fields_there}.", f"tulis HEADING=FIELD; nama field yang ada: '{fields_there}'."
            )
            what = Sentence(f"The column map '{pair[:60]}'", f"Pemetaan kolom '{pair[:60]}'")
            raise InvalidText(field="map", what=what, why=why)
        fields[heading.strip()] = name.strip()
    return GivenMap(fields, tuple(ignored), ignore_unknown=ignore_unknown)


async def remembered(session: ReadSession, headings: Sequence[str]) -> dict[str, str | None]:
    """Return what earlier imports specified for these headings: normalized heading → field, None for one that is left out."""
    rows = await session.rows(_REMEMBERED, {"headings": [spelt(heading) for heading in headings]}, into=_Remembered)
    return {row.heading: row.field for row in rows if row.field is None or row.field in FIELDS}


async def remember(session: WriteSession, columns: Sequence[MappedColumn]) -> None:
    """Store what was specified for these columns, in this transaction. Leaving out a known column isn't stored."""
    for column in columns:
        heading = spelt(column.heading)
        if column.source is Source.GIVEN and (column.field is not None or heading not in BY_HEADING):
            bound = {"heading": heading, "field": column.field, "at": session.at, "by": session.actor.name}
            await session.execute(_REMEMBER, bound)


def assign(file: str, headings: Sequence[str], choices: GivenMap, before: Mapping[str, str | None]) -> list[MappedColumn]:
    """Map each column that has a heading to its field. Raises InvalidFile for unknown, missing, duplicate and ambiguous columns."""
    _check_choices(file, headings, choices)
    fields = {spelt(heading): name for heading, name in choices.fields.items()}
    ignored = {spelt(heading) for heading in _ignored(headings, choices)}
    columns: list[MappedColumn] = []
    unknown: list[tuple[int, str]] = []
    for index, heading in enumerate(headings):
        key = spelt(heading)
        if not heading:
            continue
        if key in fields or key in ignored:
            columns.append(MappedColumn(index, heading, fields.get(key), Source.GIVEN))
        elif key in before:
            columns.append(MappedColumn(index, heading, before[key], Source.REMEMBERED))
        elif key in BY_HEADING:
            columns.append(MappedColumn(index, heading, BY_HEADING[key], Source.HEADING))
        else:
            unknown.append((index, heading))
            columns.append(MappedColumn(index, heading, None, Source.HEADING))
    either = [(heading, AMBIGUOUS[spelt(heading)]) for _, heading in unknown if spelt(heading) in AMBIGUOUS]
    unknown = [(index, heading) for index, heading in unknown if spelt(heading) not in AMBIGUOUS]
    wrong: list[Sentence] = [
        *_twice(columns), *_missing(columns), *_ambiguous(either), *(_unknown(unknown) if unknown and not choices.ignore_unknown else ())
    ]  # fmt: skip
    if wrong:
        why = Sentence(" ".join(part.english for part in wrong), " ".join(part.indonesian for part in wrong))
        raise InvalidFile(file=file, why=why)
    return columns


def _check_choices(file: str, headings: Sequence[str], choices: GivenMap) -> None:
    present = {spelt(heading) for heading in headings if heading}
    left_out = _ignored(headings, choices)
    absent = [heading for heading in [*choices.fields, *left_out] if spelt(heading) not in present]
    if absent:
        there = _named(heading for heading in headings if heading)
        why = Sentence(
            f"it has no column '{absent[0]}'; its columns are: {there}.",
            f"tidak ada kolom '{absent[0]}'; kolomnya: {there}. Pilih lagi artinya untuk berkas ini.",
        )
        raise InvalidFile(file=file, why=why)
    both = [heading for heading in left_out if spelt(heading) in {spelt(mapped) for mapped in choices.fields}]
    if both:
        why = Sentence(
            f"the column '{both[0]}' is both mapped and left out: choose one.",
            f"kolom '{both[0]}' diberi arti sekaligus tidak dipakai: pilih salah satu.",
        )
        raise InvalidFile(file=file, why=why)


def _ignored(headings: Sequence[str], choices: GivenMap) -> list[str]:
    """Return the headings to leave out, from comma-separated lists; a heading may itself contain commas."""
    there = {spelt(heading) for heading in headings if heading}
    ignored: list[str] = []
    for listed in choices.ignored:
        parts = listed.split(",")
        while parts:
            ends = (end for end in range(len(parts), 1, -1) if spelt(",".join(parts[:end])) in there)
            end = next(ends, 1) if spelt(parts[0]) not in there else 1
            if heading := ",".join(parts[:end]).strip():
                ignored.append(heading)
            parts = parts[end:]
    return ignored


def _twice(columns: Sequence[MappedColumn]) -> list[Sentence]:
    counted = Counter(column.field for column in columns if column.field is not None)
    messages = []
    for name in (name for name, count in counted.items() if count > 1):
        same = [column.heading for column in columns if column.field == name]
        alike = len({spelt(heading) for heading in same}) < len(same)
        remedy = "rename or remove one." if alike else f"leave one out, such as '{same[-1]}'."
        messages.append(
            Sentence(
                f"the columns {_named(same)} mean the same ({FIELDS[name].title}): {remedy}",
                f"kolom {_named(same)} artinya sama ({FIELDS[name].title}): ganti judul atau hapus salah satunya.",
            )
        )
    return messages


def _missing(columns: Sequence[MappedColumn]) -> list[Sentence]:
    present = {column.field for column in columns}
    titles = ", ".join(column.title for column in COLUMNS if column.required and column.field not in present)
    if not titles:
        return []
    return [
        Sentence(
            f"there is no column for {titles}: add it, or rename the column that is meant.",
            f"kolom {titles} tidak ada: tambahkan, atau ganti judul kolom yang dimaksud menjadi itu.",
        )
    ]


def _ambiguous(either: Sequence[tuple[str, tuple[str, str]]]) -> list[Sentence]:
    """Return a message for each ambiguous column. ignore_unknown doesn't leave them out, as they are money."""
    return [
        Sentence(
            f"the column '{heading}' can be what they owe, or what they have paid ahead: rename it to {FIELDS[arrears].title} or"
            f" {FIELDS[credit].title}, or leave it out.",
            f"kolom '{heading}' bisa berarti tunggakan atau titipan: ganti judulnya menjadi {FIELDS[arrears].title} atau"
            f" {FIELDS[credit].title}, atau hapus kolomnya.",
        )
        for heading, (arrears, credit) in either
    ]


def _unknown(unknown: Sequence[tuple[int, str]]) -> list[Sentence]:
    english = ", ".join(f"'{heading}' (column {index + 1})" for index, heading in unknown[:_MAX_NAMED])
    indonesian = ", ".join(f"'{heading}' (kolom {index + 1})" for index, heading in unknown[:_MAX_NAMED])
    if (more := len(unknown) - _MAX_NAMED) > 0:
        english, indonesian = f"{english} and {more} more", f"{indonesian} dan {more} lagi"
    titles = ", ".join(column.title for column in COLUMNS)
    return [
        Sentence(
            f"these columns aren't known, and what is in them would be lost: {english}. Rename them to known ones ({titles}), or"
            " choose 'Leave out unknown columns'.",
            f"kolom ini tidak dikenal, dan isinya akan hilang: {indonesian}. Ganti judulnya menjadi yang dikenal ({titles}), atau pilih"
            " 'Abaikan kolom yang tidak dikenal'.",
        )
    ]


def _named(headings: Iterable[str]) -> str:
    return ", ".join(f"'{heading}'" for heading in headings)
