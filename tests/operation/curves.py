"""Curves over time as SVG, one row for each unit: small enough that no library for plots is needed."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

_COLOURS: Final = ("#0b6e4f", "#d1495b", "#3e4c59")
_WIDTH: Final = 900
_HEIGHT: Final = 120
_LEFT: Final = 60
_GAP: Final = 46
_TEXT: Final = 'font-family="sans-serif" font-size="12" fill="#1f2933"'


def drawn(title: str, times: Sequence[float], values: Mapping[tuple[str, str], Sequence[float]]) -> str:
    """Curves of values at these times, in seconds, by name and unit; each unit has its own axis, which begins at 0."""
    units = dict.fromkeys(unit for _, unit in values)
    parts: list[str] = []
    for row, unit in enumerate(units):
        below = (row + 1) * (_HEIGHT + _GAP) - _GAP / 2
        curves = {name: curve for (name, of), curve in values.items() if of == unit}
        top = max(max(curve) for curve in curves.values()) or 1
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{below:.0f}" y2="{below:.0f}" stroke="#c4cdd5"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{below - _HEIGHT + 4:.0f}" text-anchor="end" {_TEXT}>{top:,.0f}</text>')
        for number, (name, curve) in enumerate(curves.items()):
            colour = _COLOURS[number % len(_COLOURS)]
            points = " ".join(
                f"{_LEFT + time / times[-1] * (_WIDTH - _LEFT):.1f},{below - value / top * _HEIGHT:.1f}"
                for time, value in zip(times, curve, strict=True)
            )
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
            label = escape(f"{name}, {unit}")
            parts.append(
                f'<text x="{_LEFT + number * 260}" y="{below - _HEIGHT - 8:.0f}" {_TEXT.replace("#1f2933", colour)}>{label}</text>'
            )
    height = len(units) * (_HEIGHT + _GAP) + 20
    last = f'<text x="{_WIDTH}" y="{height - 6}" text-anchor="end" {_TEXT}>{times[-1] / 60:.0f} minutes</text>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"><title>{escape(title)}</title>'
    return "\n".join([head, f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>', *parts, last, "</svg>"]) + "\n"
