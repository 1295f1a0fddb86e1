"""Pictures and PDFs that tests of proofs make for themselves."""

import io
import random
import zlib
from collections.abc import Callable
from typing import Any

import pikepdf
from PIL import Image

Change = Callable[[pikepdf.Pdf], object]


def packed(image: Image.Image, name: str, **options: Any) -> bytes:
    """The image as a file of the format `name`."""
    output = io.BytesIO()
    image.save(output, name, **options)
    return output.getvalue()


def receipt(width: int = 320, height: int = 200) -> Image.Image:
    """A picture with a red left half and blue upper right quarter on white, so that every turn of it looks different."""
    image = Image.new("RGB", (width, height), "white")
    image.paste("red", (0, 0, width // 2, height))
    image.paste("blue", (width // 2, 0, width, height // 2))
    return image


def noise(width: int, height: int, *, seed: int = 20260220) -> Image.Image:
    """A picture that packs badly: its compressed data is long enough to be cut anywhere."""
    return Image.frombytes("RGB", (width, height), random.Random(seed).randbytes(width * height * 3))


def opened(content: bytes) -> Image.Image:
    """The picture in `content`, decoded."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def pdf(*changes: Change, pages: int = 1, **options: Any) -> bytes:
    """A PDF of pages with a line on each, changed before it is saved with `options`."""
    with pikepdf.new() as made:
        for _ in range(pages):
            made.add_blank_page(page_size=(200, 200))
            made.pages[-1].obj.Contents = made.make_stream(b"q 0 0 m 10 10 l S Q % a line, and words enough that it pays to pack them")
        for change in changes:
            change(made)
        output = io.BytesIO()
        made.save(output, **options)
    return output.getvalue()


def in_catalog(**entries: Any) -> Change:
    """Put these into the catalog."""

    def change(made: pikepdf.Pdf) -> None:
        for name, value in entries.items():
            made.Root[f"/{name}"] = value

    return change


def annotated(**entries: Any) -> Change:
    """Put an annotation with these onto the first page."""

    def change(made: pikepdf.Pdf) -> None:
        note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9])
        for name, value in entries.items():
            note[f"/{name}"] = value
        made.pages[0].obj.Annots = pikepdf.Array([made.make_indirect(note)])

    return change


def action(kind: str, **entries: Any) -> pikepdf.Dictionary:
    """An action such as /JavaScript or /URI."""
    return pikepdf.Dictionary({"/S": pikepdf.Name(f"/{kind}")} | {f"/{name}": value for name, value in entries.items()})


def attached(made: pikepdf.Pdf) -> None:
    """Embed a file."""
    made.attachments["salary.xlsx"] = b"PK\x03\x04"


def bomb_of_a_stream(made: pikepdf.Pdf) -> None:
    """A page whose content is 300 MB of zero bytes, in 300 kB."""
    made.pages[0].obj.Contents = pikepdf.Stream(made, zlib.compress(bytes(300_000_000), 9), Filter=pikepdf.Name.FlateDecode)


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks, with right checksums."""
    packed_chunks = [len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4) for kind, body in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed_chunks)


def png_header(width: int, height: int) -> tuple[bytes, bytes]:
    """The IHDR of a grey picture with 8 bits."""
    return b"IHDR", width.to_bytes(4) + height.to_bytes(4) + b"\x08\x00\x00\x00\x00"
