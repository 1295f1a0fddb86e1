"""Forms for a device's settings: the JSON schema of a driver's settings in the reader's language, and what is wrong with entered ones."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sebilling.language import Language, Sentence
from sebilling.plugins.contract import InvalidValue

_INDONESIAN: Final = "indonesian"
_SETTINGS: Final = Sentence("settings", "pengaturan")


def schema(model: type[BaseModel], language: Language) -> dict[str, Any]:
    """Return the JSON schema of the settings, with titles and descriptions in one language.

    Models within it have neither: their docstrings are for programmers, and their names are no titles.
    """
    whole = model.model_json_schema()
    for described in (whole, *whole.get("$defs", {}).values()):
        described.pop("description", None)
        described.pop("title", None)
        for setting in described.get("properties", {}).values():
            words = setting.pop(_INDONESIAN, None)
            if language == "id" and words is not None:
                setting |= {name: text for name, text in words.items() if text}
    return whole


def untranslated(model: type[BaseModel]) -> Iterator[str]:
    """Yield each setting, of the model and those within it, without its title, or its description, in Indonesian."""
    whole = model.model_json_schema()
    for name, described in {"": whole, **whole.get("$defs", {})}.items():
        for setting, shape in described.get("properties", {}).items():
            words = shape.get(_INDONESIAN, {})
            if not words.get("title") or bool(words.get("description")) != bool(shape.get("description")):
                yield f"{name}.{setting}".removeprefix(".")


def texts(model: type[BaseModel]) -> Iterator[Sentence]:
    """Yield the titles and descriptions of all settings."""
    english, translated = (schema(model, language) for language in ("en", "id"))
    for name, described in {"": english, **english.get("$defs", {})}.items():
        other = translated["$defs"][name] if name else translated
        for setting, shape in described.get("properties", {}).items():
            for part in ("title", "description"):
                if shape.get(part):
                    yield Sentence(shape[part], other["properties"][setting][part])


def why_invalid(errors: list[ErrorDetails]) -> Sentence:
    """Say what is wrong with settings, from pydantic's errors without their inputs, which may be passwords."""
    parts = [_part(error) for error in errors]
    return Sentence("; ".join(part.english for part in parts), "; ".join(part.indonesian for part in parts))


def each_wrong(errors: list[ErrorDetails]) -> Iterator[tuple[tuple[str | int, ...], Sentence]]:
    """Yield the path of each wrong setting, and what is wrong with it, as `why_invalid`."""
    for error in errors:
        yield error["loc"], _part(error)


def _part(error: ErrorDetails) -> Sentence:
    path = ".".join(str(part) for part in error["loc"])
    why = _why(error)
    name = f"'{path}'" if path else _SETTINGS.indonesian
    return Sentence(f"{path or _SETTINGS.english}: {why.english}", f"{name}: {why.indonesian}")


def _why(error: ErrorDetails) -> Sentence:
    context = error.get("ctx", {})
    raised = context.get("error")
    if isinstance(raised, InvalidValue):
        return raised.sentence
    template = _INVALID.get(error["type"])
    if template is None:
        return Sentence("the value is not valid; see the setting's description", "nilainya tidak sah; lihat keterangan pengaturannya")
    facts = {name: str(value) for name, value in context.items()}
    choices = {"expected": facts.get("expected", "").replace(" or ", " atau ")}  # pydantic's list of a Literal's values
    return Sentence(template.english.format(**facts), template.indonesian.format(**facts | choices))


def _number(english: str, indonesian: str) -> Sentence:
    return Sentence(f"it must be {english}", f"harus {indonesian}")


_INVALID: Final[Mapping[str, Sentence]] = {
    "missing": Sentence("it is missing: enter it", "belum diisi: isi dulu"),
    "extra_forbidden": Sentence("there is no such setting: leave it out", "tidak ada pengaturan seperti ini: hapus saja"),
    "string_type": Sentence("it must be a text", "harus berupa teks"),
    "string_too_short": Sentence("it must have at least {min_length} characters", "harus paling sedikit {min_length} karakter"),
    "string_too_long": Sentence("it may have at most {max_length} characters", "boleh paling banyak {max_length} karakter"),
    "string_pattern_mismatch": Sentence("it must match `{pattern}`", "harus cocok dengan `{pattern}`"),
    "literal_error": Sentence("choose {expected}", "pilih salah satu: {expected}"),
    "int_type": _number("a whole number", "bilangan bulat"),
    "int_parsing": _number("a whole number", "bilangan bulat"),
    "int_from_float": _number("a whole number", "bilangan bulat"),
    "int_parsing_size": _number("a smaller number", "bilangan yang lebih kecil"),
    "float_type": _number("a number", "bilangan"),
    "float_parsing": _number("a number", "bilangan"),
    "finite_number": _number("a finite number", "bilangan terhingga"),
    "greater_than": _number("greater than {gt}", "lebih dari {gt}"),
    "greater_than_equal": _number("{ge} or more", "{ge} atau lebih"),
    "less_than": _number("less than {lt}", "kurang dari {lt}"),
    "less_than_equal": _number("{le} or less", "{le} atau kurang"),
    "bool_type": _number("true or false", "true atau false"),
    "bool_parsing": _number("true or false", "true atau false"),
    "tuple_type": Sentence("it must be a list", "harus berupa daftar"),
    "list_type": Sentence("it must be a list", "harus berupa daftar"),
    "dict_type": Sentence("it must be an object", "harus berupa objek"),
    "model_type": Sentence("it must be an object", "harus berupa objek"),
    "model_attributes_type": Sentence("it must be an object", "harus berupa objek"),
    "too_short": Sentence("it must have at least {min_length} entries", "harus paling sedikit {min_length} entri"),
    "too_long": Sentence("it may have at most {max_length} entries", "boleh paling banyak {max_length} entri"),
}
"""Type of a pydantic error → what is wrong, and what to enter. Another type gets a general sentence."""
