"""With `Accept-Language: id`, nothing that a person reads is English: errors, drivers, the transport and GraphQL's own messages.

English is recognized by its function words (`english_words`), outside of quotes and identifiers.
"""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from cross_web import HTTPException
from graphql import GraphQLError
from pydantic import ValidationError

from sebilling import access_errors, customer_errors, device_errors, errors, ledger_errors, operator_errors
from sebilling.db.state import DatabaseState
from sebilling.error_codes import ErrorCode
from sebilling.errors import LimitExceeded, SebillingError
from sebilling.language import Sentence, in_language, preferred
from sebilling.limits import Limit
from sebilling.nouns import Noun
from sebilling.plugins import forms
from sebilling.plugins.conformance.languages import english_words
from sebilling.plugins.contract import IsolationDriver
from sebilling.plugins.networks import Reason
from sebilling.schema.request import document_errors, refusals
from sebilling.schema.request.errors import formatted

ROOT: Final = Path(__file__).parents[1]
PLUGINS: Final = ("mikrotik", "radius", "olt", "nftables", "notify")
NOT_YET: Final = (
    "sebilling/cli/", "sebilling/db/embedded.py", "sebilling/operation/",
    "sebilling/plugins/conformance/",
)  # fmt: skip
"""Files whose `why` and `what` are still English: commands, and the kit for authors of drivers."""


def leaves(base: type[SebillingError] = SebillingError) -> Iterator[type[SebillingError]]:
    for kind in base.__subclasses__():
        if "english" in vars(kind):
            yield kind
        yield from leaves(kind)


_PLACE: Final = re.compile(r"\{\w+\}")


def places(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_error_says_the_same_in_both_languages() -> None:
    assert {errors, access_errors, customer_errors, ledger_errors, device_errors, operator_errors}  # their leaves are loaded
    kinds = list(leaves())
    assert len(kinds) > 60
    for kind in kinds:
        assert places(kind.indonesian) == places(kind.english), kind
        assert not english_words(_PLACE.sub("…", kind.indonesian)), kind


@pytest.mark.parametrize("named", [*Noun, *Limit], ids=str)
def test_names_have_both_languages(named: Noun | Limit) -> None:
    assert named.english
    assert named.indonesian
    assert not english_words(named.indonesian)


@pytest.mark.parametrize("limit", Limit)
def test_a_limit_is_named_in_the_message_and_by_its_code(limit: Limit) -> None:
    error = GraphQLError("", original_error=LimitExceeded(limit=limit, given=7, most=5))
    for language in ("en", "id"):
        shown = formatted(error, "en" if language == "en" else "id")
        assert shown["extensions"]["limit"] == limit.code
        assert getattr(limit, "english" if language == "en" else "indonesian") in shown["message"]


def test_the_header_decides() -> None:
    assert [preferred(header) for header in ("id", " ID-id,en;q=0.5", "en,id", "", "de")] == ["id", "id", "en", "en", "en"]


def test_stored_sentences_are_read_in_one_language() -> None:
    stored = {"error": {"en": "gone", "id": "hilang"}, "problems": [{"en": "a", "id": "b"}], "key": "x", "at": 3}
    assert in_language(stored, "id") == {"error": "hilang", "problems": ["b"], "key": "x", "at": 3}
    assert in_language(stored, "en") == {"error": "gone", "problems": ["a"], "key": "x", "at": 3}


# Every Sentence in the source, of the core and of the plugins


def sources() -> Iterator[Path]:
    yield from sorted((ROOT / "sebilling").rglob("*.py"))
    yield from sorted((ROOT / "sebilling" / "plugins" / "template").rglob("*.py.tmpl"))
    for name in PLUGINS:
        own = sorted((ROOT / "plugins" / name / f"sebilling_{name}").rglob("*.py"))
        yield from (source for source in own if "testing" not in source.parts)  # a simulator speaks as its device does


def literal(node: ast.expr) -> str | None:
    """The text of a literal, what is filled in left out; None if it is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)  # type: ignore[misc]
    return None


PAIRS: Final = {"Sentence": 1, "InvalidValue": 1, "InvalidCell": 1, "PluginError": 1, "_number": 1}
"""What takes an English text and, at this position, the Indonesian one."""
WORDS_ALONE: Final = frozenset({"DeviceError", "Outcome", "Reading", "DeviceHealth", "Refusal", "Garbled", "Trap", "Unanswered", "Failure"})
"""What takes a Sentence, and must not be given a text."""
KEYWORDS: Final = frozenset({"why", "what", "place", "reason"})
"""Facts of errors that are sentences, and must not be a text."""
ASSIGNED: Final = frozenset({"why", "message", "problem", "reason"})
"""Names of variables that hold sentences."""


def english_in(text: str, path: str) -> list[str]:
    """What is English only, or untranslated, in a source file: line and text."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign) and not path.startswith(NOT_YET):
            said = literal(node.value)
            names = {target.id for target in node.targets if isinstance(target, ast.Name)}
            if said and names & ASSIGNED and english_words(said):
                found.append(f"{path}:{node.lineno}: {said!r} is a text in one language")
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        if name in PAIRS and len(node.args) > PAIRS[name]:
            said = literal(node.args[PAIRS[name]])
            if said is not None and (words := english_words(said)):
                found.append(f"{path}:{node.lineno}: {said!r} is English: {words}")
        if name == "indonesian":
            said = " ".join(filter(None, map(literal, node.args)))
            if words := english_words(said):
                found.append(f"{path}:{node.lineno}: {said!r} is English: {words}")
        texts = [literal(one) for one in node.args] if name in WORDS_ALONE else []
        texts += [literal(one.value) for one in node.keywords if one.arg in {"message", "detail"} and name in WORDS_ALONE]
        if not path.startswith(NOT_YET):
            texts += [literal(one.value) for one in node.keywords if one.arg in KEYWORDS and name[:1].isupper()]
        found += [f"{path}:{node.lineno}: {one!r} is a text in one language" for one in texts if one and english_words(one)]
    return found


def test_no_sentence_in_the_source_is_english_in_indonesian() -> None:
    count, found = 0, []
    for source in sources():
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".tmpl":
            text = string.Template(text).safe_substitute(class_name="Toy", module="toy", kind="toy.toy", title="Toy")
        count += text.count("Sentence(")
        found += english_in(text, str(source.relative_to(ROOT)))
    assert found == []
    assert count > 350


@pytest.mark.parametrize(
    "planted",
    [
        'raise DeviceError(Fault.AUTH, Sentence("The router refused it.", "The router refused it."), retryable=False)',
        'raise DeviceError(Fault.AUTH, "The router refused the password.", retryable=False)',
        'yield Outcome(1, Result.FAILED, Fault.SETUP, f"The router lacks {what}.")',
        'Reading(State.ACTIVE, detail=f"{told}, but the session is still up")',
        'host: str = Field(description="Address.", json_schema_extra=indonesian("Alamat", "Address of the router."))',
        'raise InvalidValue("it must be one word", "it must be one word")',
        'raise InvalidDevice(field="kind", why="no active plugin provides the driver")',
        'why = f"the device doesn\'t know {name}"',
    ],
)
def test_planted_english_is_found(planted: str) -> None:
    assert len(english_in(planted, "plugins/mikrotik/x.py")) == 1


def test_planted_english_in_an_error_is_found() -> None:
    class Planted(errors.Conflict):
        code = ErrorCode.ALREADY_DECIDED
        english = "This is already decided."
        indonesian = "This is already decided."

    assert english_words(Planted.indonesian) == ["This", "is", "already"]
    assert Planted in set(leaves())
    del Planted.english  # it isn't one of ours


# Drivers: titles, services, settings


def drivers() -> list[type[IsolationDriver[Any]]]:
    found: list[type[IsolationDriver[Any]]] = []
    for name in PLUGINS[:3]:
        module = pytest.importorskip(f"sebilling_{name}")
        found += module.sebilling_drivers()
    return found


def test_drivers_and_their_settings_have_both_languages() -> None:
    assert len(drivers()) == 10
    for driver in drivers():
        assert list(forms.untranslated(driver.config_model)) == [], driver
        said = [driver.title, *driver.service_kinds.values(), *forms.texts(driver.config_model)]
        for sentence in said:
            assert not english_words(sentence.indonesian), (driver, sentence)
        for language in ("en", "id"):
            schema = forms.schema(driver.config_model, "en" if language == "en" else "id")
            assert "indonesian" not in str(schema)


def test_the_form_is_in_the_readers_language() -> None:
    (driver,) = (driver for driver in drivers() if driver.kind == "mikrotik.pppoe")
    english, indonesian = (forms.schema(driver.config_model, "en"), forms.schema(driver.config_model, "id"))
    assert english["properties"]["host"]["description"] == "Address or name of the router."
    assert indonesian["properties"]["host"] | {"x": 1} == english["properties"]["host"] | {
        "title": "Alamat", "description": "Alamat atau nama router.", "x": 1,
    }  # fmt: skip


WRONG: Final[tuple[dict[str, Any], ...]] = (
    {}, {"host": 7}, {"host": ""}, {"host": "x" * 300}, {"port": "many"}, {"port": 0}, {"port": 70_000}, {"port": 2.5}, {"no_such": 1},
    {"method": "magic"}, {"tls": "perhaps"}, {"database_tls": 3.5}, {"nas": 5}, {"nas": [{"address": "there", "secret": "*"}]},
    {"nas": [5]}, {"parked": []}, {"radcheck": "DROP TABLE"}, {"timeout_seconds": 0}, {"timeout_seconds": "long"}, {"throttle": "0/0"},
    {"host_fingerprint": "no fingerprint"}, {"username": "two words"}, {"commands": {"read": "reboot"}}, {"coa_tries": "x"},
    {"commands": 4}, {"lan_ports": 99}, {"port": 10**30}, {"timeout_seconds": float("nan")}, {"password": 5},
)  # fmt: skip


@pytest.mark.parametrize("given", WRONG, ids=str)
def test_why_settings_are_invalid_is_said_in_both_languages(given: dict[str, Any]) -> None:
    refused = 0
    for driver in drivers():
        try:
            driver.config_model.model_validate(given)
        except ValidationError as error:
            refused += 1
            why = forms.why_invalid(error.errors(include_input=False, include_url=False))
            assert not english_words(why.indonesian), (driver, why)
            assert why.english != why.indonesian
    assert refused == len(drivers())


@pytest.mark.parametrize("reason", Reason)
def test_why_an_address_is_refused(reason: Reason) -> None:
    assert not english_words(reason.value[1])


@pytest.mark.parametrize("state", DatabaseState)
def test_why_the_database_cant_be_used(state: DatabaseState) -> None:
    assert not english_words(state.sentence.indonesian)


# GraphQL's own messages, and refused requests


RULES: Final = (
    "Syntax Error: Expected Name, found '}'.",
    "Cannot query field 'x' on type 'Query'. Did you mean 'me'?",
    "Unknown argument 'x' on field 'Query.me'.",
    "Unknown directive '@x'.",
    "Directive '@skip' may not be used on QUERY.",
    "Unknown fragment 'F'.",
    "Unknown type 'X'.",
    "This anonymous operation must be the only defined operation.",
    "Cannot spread fragment 'F' within itself via 'G'.",
    "Variable '$x' is not defined by operation 'Q'.",
    "Variable '$x' is never used in operation 'Q'.",
    "Fragment 'F' is never used.",
    "Fields 'a' conflict because 'b' and 'c' are different fields. Use different aliases on the fields to fetch both.",
    "Fragment 'F' cannot condition on non composite type 'Int'.",
    "Fragment cannot be spread here as objects of type 'A' can never be of type 'B'.",
    "Field 'customer' argument 'id' of type 'ID!' is required, but it was not provided.",
    "Field 'name' must not have a selection since type 'String' has no subfields.",
    "Field 'me' of type 'Me' must have a selection of subfields. Did you mean 'me { ... }'?",
    "Subscription 'S' must select only one top level field.",
    "There can be only one argument named 'x'.",
    "The directive '@skip' can only be used once at this location.",
    "Field 'I.x' of required type 'Int!' was not provided.",
    "Field 'x' is not defined by type 'I'. Did you mean 'y'?",
    "Variable '$x' cannot be non-input type 'Query'.",
    "Variable '$x' of type 'Int' used in position expecting type 'Int!'.",
    "Variable '$x' of required type 'Int!' was not provided.",
    "Variable '$x' of non-null type 'Int!' must not be null.",
    "Variable '$x' got invalid value.",
    "That value does not exist in 'Role' enum.",
    "Int cannot represent non-integer value.",
    "Enum 'Role' cannot represent non-enum value.",
    "Expected value of type 'Int!'.",
    "Unknown operation named 'X'.",
    "Must provide operation name if query contains multiple operations.",
    "Must provide an operation.",
    "The 'Query' definition is not executable.",
    "Too many validation errors, error limit reached. Validation aborted.",
)


@pytest.mark.parametrize("message", RULES)
def test_messages_of_graphql_are_translated(message: str) -> None:
    said = document_errors.in_indonesian(message)
    assert said != document_errors.UNKNOWN
    assert not english_words(said)
    assert formatted(GraphQLError(message), "id")["message"] == said
    assert formatted(GraphQLError(message), "en")["message"].startswith(message[:20])


def test_an_unknown_message_of_graphql_isnt_shown_in_english() -> None:
    assert formatted(GraphQLError("Something else went wrong."), "id")["message"] == document_errors.UNKNOWN


def test_refusals_are_in_both_languages() -> None:
    said = [one for one in vars(refusals).values() if isinstance(one, Sentence)]
    assert len(said) >= 7
    for status in (400, 404, 405, 415):
        strange = HTTPException(status, "The library says this.")
        assert not english_words(refusals.reason(strange, "id"))
        assert refusals.reason(strange, "en") == "The library says this."
