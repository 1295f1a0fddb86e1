"""Write docs/api/: a reference of the GraphQL schema, with links to the guides' documents that use each root field.

    .venv/bin/python tools/reference.py [FOLDER]

tests/schema/test_reference.py fails if it is not current.
"""

import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    ast_from_value,
    get_named_type,
    parse,
    print_ast,
)

from sebilling.schema.build import build_schema

ROOT: Final = Path(__file__).parents[1]
GUIDES: Final = ("web.md", "phone.md", "realtime.md")
WIDTH: Final = 150
NOTE: Final = "Made by `tools/reference.py` from the schema: change the schema, not this file."


def pages(schema: GraphQLSchema) -> dict[str, str]:
    """The text of each file of the reference, by its name."""
    examples = _examples()
    roots = {"queries": schema.query_type, "mutations": schema.mutation_type, "subscriptions": schema.subscription_type}
    objects = [kind for kind in _kinds(schema, GraphQLObjectType, GraphQLInterfaceType) if kind not in roots.values()]
    written = {f"{name}.md": _roots(name.capitalize(), kind, examples) for name, kind in roots.items()}
    written["types.md"] = _page("Types", [_object(kind) for kind in objects if not kind.name.endswith(("Connection", "Edge"))])
    written["inputs.md"] = _page("Inputs", [_object(kind) for kind in _kinds(schema, GraphQLInputObjectType)])
    written["enums.md"] = _page("Enums", [_enum(kind) for kind in _kinds(schema, GraphQLEnumType)])
    written["scalars.md"] = _scalars(schema)
    written["README.md"] = _index(schema)
    return written


def _kinds(schema: GraphQLSchema, *of: type) -> list[Any]:
    return sorted((kind for kind in schema.type_map.values() if isinstance(kind, of) and not kind.name.startswith("__")), key=_name)


def _name(kind: Any) -> str:
    name: str = kind.name
    return name


def _page(title: str, sections: list[str]) -> str:
    return "\n\n".join([f"# {title}", NOTE, *sections]) + "\n"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def _roots(title: str, kind: Any, examples: Mapping[str, tuple[str, str]]) -> str:
    sections = []
    for name, field in sorted(kind.fields.items()):
        parts = [f"## {name}", _wrapped(field.description or ""), f"Returns {_linked(field.type)}."]
        if field.args:
            parts.append(_table("argument", ((one, argument) for one, argument in field.args.items())))
        if name in examples:
            heading, target = examples[name]
            parts.append(f"Example: [{heading}]({target}).")
        sections.append("\n\n".join(parts))
    return _page(title, sections)


def _linked(kind: Any) -> str:
    named = get_named_type(kind)
    if isinstance(named, GraphQLScalarType):
        page = "scalars.md"
    elif isinstance(named, GraphQLEnumType):
        page = "enums.md"
    else:
        page = "inputs.md" if isinstance(named, GraphQLInputObjectType) else "types.md"
    target = re.sub(r"(Connection|Edge)$", "", named.name)
    return f"[`{kind}`]({page}#{target.lower()})"


def _table(head: str, rows: Iterator[tuple[str, Any]]) -> str:
    lines = [f"| {head} | type | |", "|---|---|---|"]
    for name, one in rows:
        usual = getattr(one, "default_value", Undefined)
        default = ""
        if usual is not Undefined and usual is not None and (node := ast_from_value(usual, one.type)) is not None:
            default = f" Default: `{print_ast(node)}`."
        lines.append(f"| `{name}` | {_linked(one.type)} | {_cell(one.description)}{default} |")
    return "\n".join(lines)


def _object(kind: Any) -> str:
    interfaces = "".join(f" Implements [`{one.name}`](#{one.name.lower()})." for one in getattr(kind, "interfaces", ()))
    return "\n\n".join([f"## {kind.name}", _wrapped(f"{kind.description or ''}{interfaces}"), _table("field", iter(kind.fields.items()))])


def _enum(kind: GraphQLEnumType) -> str:
    lines = ["| value | |", "|---|---|", *(f"| `{name}` | {_cell(value.description)} |" for name, value in kind.values.items())]
    return "\n\n".join([f"## {kind.name}", _wrapped(kind.description or ""), "\n".join(lines)])


def _scalars(schema: GraphQLSchema) -> str:
    sections = []
    for kind in _kinds(schema, GraphQLScalarType):
        specified = f" Specified by <{kind.specified_by_url}>." if kind.specified_by_url else ""
        description = _wrapped((kind.description or "") + specified)
        sections.append(f"## {kind.name}\n\n{description}")
    return _page("Scalars", ["[What to map them to](clients.md#scalars) in each language.", *sections])


def _index(schema: GraphQLSchema) -> str:
    counts = [
        f"* [{len(kind.fields)} {name}]({name}.md)"
        for name, kind in (
            ("queries", schema.query_type), ("mutations", schema.mutation_type), ("subscriptions", schema.subscription_type),
        )
        if kind is not None
    ]  # fmt: skip
    rest = [f"* [{name}]({name}.md)" for name in ("types", "inputs", "enums", "scalars")]
    guides = (
        "* [clients](clients.md): scalars of code generators, caches, and how the schema may change\n"
        "* [errors](../errors.md), [the web admin's guide](../web.md), [the phone's guide](../phone.md), [subscriptions](../realtime.md)"
    )
    return _page("API reference", ["\n".join([*counts, *rest]), guides])


def _examples() -> dict[str, tuple[str, str]]:
    """Root field → heading and address of the first document of the guides that uses it."""
    found: dict[str, tuple[str, str]] = {}
    for guide in GUIDES:
        text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
        for section in re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]:
            heading = section.partition("\n")[0].removeprefix("## ").strip()
            anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for document in re.findall(r"```graphql\n(.*?)```", section, re.DOTALL):
                for name in _root_names(document):
                    found.setdefault(name, (heading, f"../{guide}#{anchor}"))
    return found


def _root_names(document: str) -> list[str]:
    operations = [node for node in parse(document).definitions if isinstance(node, OperationDefinitionNode)]
    return [node.name.value for one in operations for node in one.selection_set.selections if isinstance(node, FieldNode)]


def main(folder: Path) -> None:
    """Write the files. Those that were written by hand stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(build_schema()._schema).items():  # noqa: SLF001 - there is no public access
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "api")
