"""Trusted documents: the only ones that a server executes if they are configured. Clients may send a document's id instead of its text.

A folder of `.graphql` files, or one such file; or a JSON object of ids and texts, as written by client build tools. Each text also has
the id `sha256:` followed by its digest in hex. Clients cannot add documents at run time.
"""

import hashlib
from pathlib import Path
from typing import Any

import orjson
from graphql import GraphQLSchema

from sebilling.language import Sentence
from sebilling.operator_errors import InvalidSetting
from sebilling.schema.request.document_cache import faults

_SETTING = "SEBILLING_TRUSTED_DOCUMENTS"


def digest(text: str) -> str:
    """The id of a text that is derived from its content."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def read(path: Path) -> dict[str, str]:
    """Read all documents, by their ids: the digest, and the name of the file or in the manifest. Raises InvalidSetting."""
    try:
        named = _manifest(path) if path.suffix == ".json" else _files(path)
    except (OSError, ValueError) as error:
        name = type(error).__name__
        why = Sentence(
            f"{path} can't be read ('{name}'): name a file or folder.", f"{path} tidak bisa dibaca ('{name}'): sebutkan berkas atau folder."
        )
        raise InvalidSetting(setting=_SETTING, why=why) from error
    if not named:
        why = Sentence(
            f"{path} has no documents: put files that end with .graphql there.",
            f"{path} tidak berisi dokumen: taruh berkas berakhiran .graphql di sana.",
        )
        raise InvalidSetting(setting=_SETTING, why=why)
    known: dict[str, str] = {}
    for name, text in named:
        for document_id in (name, digest(text)):
            if known.setdefault(document_id, text) != text:
                why = Sentence(
                    f"two documents have the id {document_id}: rename one.",
                    f"ada dua dokumen dengan id {document_id}: ganti nama salah satu.",
                )
                raise InvalidSetting(setting=_SETTING, why=why)
    return known


def check(documents: dict[str, str], schema: GraphQLSchema) -> dict[str, list[str]]:
    """The faults of the documents that this server cannot execute, by id."""
    faults_by_id = {name: faults(text, schema) for name, text in documents.items()}
    return {name: why for name, why in faults_by_id.items() if why}


def _files(path: Path) -> list[tuple[str, str]]:
    files = sorted(path.rglob("*.graphql")) if path.is_dir() else [path]
    return [(file.stem, file.read_text(encoding="utf-8")) for file in files]


def _manifest(path: Path) -> list[tuple[str, str]]:
    content: Any = orjson.loads(path.read_bytes())
    if not isinstance(content, dict) or not all(isinstance(text, str) for text in content.values()):
        raise ValueError("not an object of ids and texts")
    return list(content.items())
