"""The month of the manual in one picture: its steps side by side, as the test of the month took them.

python tools/film_strip.py    var/pictures/ into docs/pictures/month.png; `make pictures` calls this
"""

from pathlib import Path
from typing import Final

from PIL import Image

ROOT: Final = Path(__file__).parents[1]
STEPS: Final = ("2-generate-pembayaran", "3-selesai", "4-bulan", "5-bayar", "6-dashboard", "7-pelanggan", "8-setoran", "9-terverifikasi")
COLUMNS: Final = 4
FRAME: Final = (640, 400)
"""Pixels of a step; the test's pages have this shape."""
GAP: Final = 12
COLOURS: Final = 128


def main() -> None:
    rows = -(-len(STEPS) // COLUMNS)
    strip = Image.new("RGB", (COLUMNS * (FRAME[0] + GAP) + GAP, rows * (FRAME[1] + GAP) + GAP), "#142022")
    for number, step in enumerate(STEPS):
        row, column = divmod(number, COLUMNS)
        with Image.open(ROOT / "var" / "pictures" / f"{step}.png") as picture:
            frame = picture.convert("RGB").resize(FRAME, Image.Resampling.LANCZOS)
        strip.paste(frame, (GAP + column * (FRAME[0] + GAP), GAP + row * (FRAME[1] + GAP)))
    strip.quantize(COLOURS).save(ROOT / "docs" / "pictures" / "month.png", optimize=True)


if __name__ == "__main__":
    main()
