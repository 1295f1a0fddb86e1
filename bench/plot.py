"""Plot of results as SVG: one group of bars for each size and number of connections, one bar for each server."""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from bench.result import Result

Group = tuple[int, int | None]
"""Size and number of connections."""
_COLOURS: Final = ("#0b6e4f", "#08a045", "#6bbf59", "#c5d86d", "#9aa5b1", "#616e7c", "#d1495b", "#3e4c59")
_WIDTH: Final = 900
_LEFT: Final = 60
_HEIGHT: Final = 260
_LINE: Final = 18
_TEXT: Final = 'font-family="sans-serif" font-size="12" fill="#1f2933"'


def write(file: Path, title: str, results: Sequence[Result]) -> None:
    """Write the plot of results in requests per second, as rows per second: so pages of all sizes have one scale."""
    speeds = _speeds(results)
    groups = sorted({group for values in speeds.values() for group in values}, key=lambda group: (group[0], -(group[1] or 0)))
    top = _rounded_up(max(value for values in speeds.values() for value in values.values()))
    width = (_WIDTH - _LEFT) / len(groups)
    parts = [*_axis(top), *_legend(list(speeds))]
    for at, group in enumerate(groups):
        left = _LEFT + at * width
        size, connections = group
        label = f"{size} rows, {connections} connection{'s' if connections != 1 else ''}"
        parts.append(_text(left + width / 2, _HEIGHT + 2 * _LINE, label, "middle"))
        bar = width * 0.85 / len(speeds)
        for number, values in enumerate(speeds.values()):
            height = values.get(group, 0) / top * _HEIGHT
            x, y = left + number * bar, _LINE + _HEIGHT - height
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar - 2:.1f}" height="{height:.1f}" fill="{_colour(number)}"/>')
    height = _HEIGHT + _LINE * (4 + len(speeds))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"><title>{escape(title)}</title>'
    background = f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    file.write_text("\n".join([head, background, *parts, "</svg>"]) + "\n", encoding="utf-8")


def _speeds(results: Sequence[Result]) -> dict[str, dict[Group, float]]:
    """Return rows per second: server → group → value. Ours first; a reference that is another result's own figure isn't repeated."""
    ours: dict[str, dict[Group, float]] = {}
    references: dict[str, dict[Group, float]] = {}
    for result in results:
        group = (result.size, result.connections)
        ours.setdefault(f"ours: {result.benchmark}", {})[group] = result.ours * result.size
        if not result.reference_name.startswith("ours"):
            references.setdefault(result.reference_name, {})[group] = result.reference * result.size
    return ours | references


def _rounded_up(value: float) -> float:
    """The next multiple of half a power of ten, so that the axis has plain numbers."""
    step = math.pow(10, math.floor(math.log10(value))) / 2
    return math.ceil(value / step) * step


def _axis(top: float) -> list[str]:
    parts = [_text(_LEFT, _LINE - 5, "rows per second", "start")]
    for quarter in range(5):
        y = _LINE + _HEIGHT * (1 - quarter / 4)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e4e7eb"/>')
        parts.append(_text(_LEFT - 6, y + 4, f"{top * quarter / 4:,.0f}", "end"))
    return parts


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for number, name in enumerate(names):
        y = _HEIGHT + _LINE * (3 + number)
        parts.append(f'<rect x="{_LEFT}" y="{y}" width="12" height="12" fill="{_colour(number)}"/>')
        parts.append(_text(_LEFT + 20, y + 11, name, "start"))
    return parts


def _text(x: float, y: float, content: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {_TEXT}>{escape(content)}</text>'


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]
