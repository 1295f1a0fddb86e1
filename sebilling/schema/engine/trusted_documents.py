"""Trusted documents: the only ones that a server answers when it is told so, each with an id that clients send in its place.

A folder of `.graphql` files, or one such file; or a JSON object of ids and texts, as build tools of clients write it. Each text
also goes by `sha256:` and its digest in hex. Clients can't add any: that is what makes them trusted.
"""

import hashlib
from pathlib import Path
from typing import Any

import orjson
from graphql import GraphQLSchema

from sebilling.errors import InvalidSetting
from sebilling.schema.engine.document_cache import faults

_SETTING = "SEBILLING_TRUSTED_DOCUMENTS"


def digest(text: str) -> str:
    """The id that a text has by itself."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def read(path: Path) -> dict[str, str]:
    """Every document by the ids it goes by: its digest, and its name in the file. Raises InvalidSetting."""
    try:
        named = _manifest(path) if path.suffix == ".json" else _files(path)
    except (OSError, ValueError) as error:
        raise InvalidSetting(setting=_SETTING, why=f"{path} can't be read ({type(error).__name__}): name a file or folder.") from error
    if not named:
        raise InvalidSetting(setting=_SETTING, why=f"{path} has no documents: put files that end with .graphql there.")
    known: dict[str, str] = {}
    for name, text in named:
        for one in (name, digest(text)):
            if known.setdefault(one, text) != text:
                raise InvalidSetting(setting=_SETTING, why=f"two documents go by the id {one}: rename one.")
    return known


def check(documents: dict[str, str], schema: GraphQLSchema) -> dict[str, list[str]]:
    """What is wrong with documents, by id; nothing for those that this server can answer."""
    found = {name: faults(text, schema) for name, text in documents.items()}
    return {name: why for name, why in found.items() if why}


def _files(path: Path) -> list[tuple[str, str]]:
    files = sorted(path.rglob("*.graphql")) if path.is_dir() else [path]
    return [(file.stem, file.read_text(encoding="utf-8")) for file in files]


def _manifest(path: Path) -> list[tuple[str, str]]:
    content: Any = orjson.loads(path.read_bytes())
    if not isinstance(content, dict) or not all(isinstance(text, str) for text in content.values()):
        raise ValueError("not an object of ids and texts")
    return list(content.items())
