"""500 files that are certainly no proof, from a fixed seed: none is taken, and nothing of any stays on a disk.

A flipped bit can leave a file as good as it was, so chance only chooses among changes that are wrong by construction: cuts before
the end, checked data under its old checksum, tables and sizes that no decoder may accept, forbidden parts of whole files.
"""

import asyncio
import io
import os
import random
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sebilling.errors import InvalidProof
from sebilling.storage import ObjectStore, new_key
from sebilling.storage.decode import MAX_PROOF_BYTES
from sebilling.storage.proofs import inspect
from tests.storage import action, annotated, attached, bomb_of_a_stream, in_catalog, noise, packed, pdf, png, png_header, receipt

ON = date(2026, 2, 20)
CAMPAIGN = os.environ.get("SEBILLING_TEST_CAMPAIGN") == "1"
"""Each file is a process: all 500 in the campaign, every fourth otherwise."""
Malformed = Callable[[random.Random], bytes]

JPEG, PNG, WEBP = (packed(noise(48, 40), name) for name in ("JPEG", "PNG", "WEBP"))
PROGRESSIVE = packed(noise(48, 40), "JPEG", progressive=True)
PDF = pdf(pages=2)
CLASSIC = pdf(pages=2, object_stream_mode=pikepdf.ObjectStreamMode.disable)
MAGICS = {
    "JPEG": b"\xff\xd8\xff\xe0",
    "PNG": b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR",
    "WEBP": b"RIFF\x80\x00\x00\x00WEBPVP8 ",
    "PDF": b"%PDF-1.7\n",
}


def put(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


def cut(content: bytes, *, least: int, before: int) -> Malformed:
    """Cut at a random place in [least, before)."""
    return lambda chance: content[: chance.randrange(least, before)]


def png_flip(chance: random.Random) -> bytes:
    """A bit of a chunk's name, data or checksum, which then doesn't fit the rest."""
    starts: list[int] = []
    position = 8
    while position < len(PNG):
        length = int.from_bytes(PNG[position : position + 4])
        starts += range(position + 4, position + 12 + length)
        position += 12 + length
    at = chance.choice(starts)
    return put(PNG, at, bytes([PNG[at] ^ 1 << chance.randrange(8)]))


def jpeg_header(chance: random.Random) -> bytes:
    """A frame or Huffman table that no decoder may accept."""
    content = chance.choice([JPEG, PROGRESSIVE])
    frame = content.index(b"\xff\xc0\x00\x11" if content is JPEG else b"\xff\xc2\x00\x11")
    table = content.index(b"\xff\xc4")
    return chance.choice(
        [
            put(content, frame + 4, bytes([chance.choice([1, 2, 7, 13, 99])])),  # bits of a sample
            put(content, frame + 5, b"\x00\x00"),  # height
            put(content, frame + 7, b"\x00\x00"),  # width
            put(content, frame + 9, bytes([chance.choice([0, 9, 77])])),  # components
            put(content, frame + 11, bytes([chance.choice([0x00, 0x51, 0x1F, 0xFF])])),  # sampling
            put(content, table + 5, bytes([chance.randrange(200, 256)] * 16)),  # more codes than bits can tell apart
            put(content, table + 4, bytes([chance.choice([0x24, 0x44, 0x99])])),  # no such table
            put(content, chance.choice([frame, table]) + 2, b"\xff\xff"),  # a segment longer than the file
            put(content, chance.choice([frame, table]) + 2, b"\x00\x01"),  # or shorter than its own length
        ]
    )


def webp_header(chance: random.Random) -> bytes:
    """A size, a chunk or a frame tag that can't be."""
    return chance.choice(
        [
            put(WEBP, 4, (len(WEBP) + chance.randrange(10_000)).to_bytes(4, "little")),  # more than there is
            put(WEBP, 4, chance.randrange(20).to_bytes(4, "little")),
            put(WEBP, 16, (len(WEBP) + chance.randrange(10_000)).to_bytes(4, "little")),
            put(WEBP, 23, bytes(chance.choice(b"\x00\x11\x99\xff") for _ in range(3))),  # the start code 9D 01 2A
            put(WEBP, 20, bytes([WEBP[20] | 1])),  # not a key frame
            put(WEBP, 26, b"\x00\x00"),  # width
            put(WEBP, 28, b"\x00\x00"),
        ]
    )


def pdf_structure(chance: random.Random) -> bytes:
    """A table of places that points elsewhere, a trailer without a catalog, a catalog without pages."""
    at, lie = CLASSIC.rindex(b"startxref\n") + 10, str(chance.randrange(1, 400)).encode().rjust(len(CLASSIC))
    return chance.choice(
        [
            CLASSIC[:at] + lie.strip() + b" \n%%EOF\n" if int(lie) != CLASSIC.rindex(b"xref\n0") else b"%PDF-",
            CLASSIC.replace(b"\nxref\n", b"\nxerf\n"),
            CLASSIC.replace(b"/Root", b"/Toor"),
            CLASSIC.replace(b"/Pages ", b"/Segap "),
            CLASSIC.replace(b"/Kids", b"/Sdik"),
            CLASSIC.replace(b"trailer", b"relaitr"),
            CLASSIC.replace(b"endobj", b"endjbo", chance.randrange(1, 4)),
        ]
    )


def wrong_magic(chance: random.Random) -> bytes:
    content, length = chance.choice([(JPEG, 3), (PNG, 8), (WEBP, 4), (PDF, 5)])
    at = chance.randrange(length)
    return put(content, at, bytes([content[at] ^ 1 << chance.randrange(8)]))


def swapped(chance: random.Random) -> bytes:
    """The first bytes of one kind, the rest of another."""
    mine, (_, other) = chance.sample(list(zip(MAGICS, (JPEG, PNG, WEBP, PDF), strict=True)), 2)
    return MAGICS[mine[0]] + other[len(MAGICS[mine[0]]) :]


def random_bytes(chance: random.Random) -> bytes:
    """Noise, bare or behind the first bytes of a kind."""
    return chance.choice([b"", *MAGICS.values()]) + chance.randbytes(chance.randrange(1, 5000))


def program(chance: random.Random) -> bytes:
    """A Windows program, called a picture by its first bytes or not at all."""
    return chance.choice([b"", *MAGICS.values()]) + b"MZ\x90\x00\x03\x00\x00\x00" + chance.randbytes(500) + b"PE\x00\x00"


def archive(chance: random.Random) -> bytes:
    output = io.BytesIO()
    if chance.random() < 0.5:
        with zipfile.ZipFile(output, "w") as zipped:
            zipped.writestr("bukti.png", PNG)
    else:
        with tarfile.open(fileobj=output, mode="w:gz" if chance.random() < 0.5 else "w") as tarred:
            tarred.addfile(tarfile.TarInfo("bukti.png"))
    return chance.choice([b"", b"\x89PNG\r\n\x1a\n", MAGICS["JPEG"]]) + output.getvalue()


def markup(chance: random.Random) -> bytes:
    texts = [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><svg>&x;</svg>",
        b"<html><img src=x onerror=alert(1)></html>",
        b"<?php system($_GET['c']); ?>",
        b"\xef\xbb\xbf<script>alert(1)</script>",
        b"GIF89a/*<svg onload=alert(1)>*/=1;",
    ]
    return chance.choice(["", " ", "\n\t"]).encode() + chance.choice(texts) + b" " * chance.randrange(1000)


def forbidden_pdf(chance: random.Random) -> bytes:
    """A whole PDF with something in it that must not be."""
    script = action("JavaScript", JS=pikepdf.String(f"app.alert({chance.random()})"))
    change = chance.choice(
        [
            in_catalog(OpenAction=script),
            in_catalog(AA=pikepdf.Dictionary(WC=script)),
            in_catalog(Names=pikepdf.Dictionary(JavaScript=pikepdf.Dictionary(Names=[pikepdf.String("x"), script]))),
            in_catalog(AcroForm=pikepdf.Dictionary(Fields=[], XFA=pikepdf.String("<xdp/>"))),
            annotated(A=script),
            annotated(A=action("URI", Next=script)),
            annotated(A=action("Launch", F=pikepdf.String("cmd.exe"))),
            annotated(Subtype=pikepdf.Name.FileAttachment),
            attached,
        ]
    )
    return pdf(change, pages=chance.randrange(1, 20), linearize=chance.random() < 0.5)


def locked_pdf(chance: random.Random) -> bytes:
    user = chance.choice(["", "secret"])
    return pdf(encryption=pikepdf.Encryption(owner="owner", user=user, R=chance.choice([4, 6])))


def many_pages(chance: random.Random) -> bytes:
    return pdf(pages=chance.choice([0, 21, 22, 50]))


def bomb(chance: random.Random) -> bytes:
    """Sizes that would fill the memory, or data that would."""
    side = chance.randrange(20_000, 2**31 - 1)
    header = JPEG.index(b"\xff\xc0\x00\x11") + 5
    return chance.choice(
        [
            png(png_header(side, side), (b"IDAT", zlib.compress(bytes(60_000))), (b"IEND", b"")),
            png(png_header(1, side + 40_000_000), (b"IDAT", zlib.compress(bytes(60_000))), (b"IEND", b"")),
            put(JPEG, header, bytes([0xFF, chance.randrange(256)] * 2)),
            b"RIFF" + (40).to_bytes(4, "little") + b"WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + b"\xff\x3f\x00" * 2 + bytes(18),
            b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + bytes(MAX_PROOF_BYTES),
        ]
    )


KINDS: list[tuple[str, int, Malformed]] = [
    ("no bytes", 1, lambda _: b""),
    ("cut JPEG", 50, cut(JPEG, least=3, before=len(JPEG))),
    ("cut progressive JPEG", 25, cut(PROGRESSIVE, least=3, before=len(PROGRESSIVE))),
    ("cut PNG", 50, cut(PNG, least=8, before=len(PNG))),
    ("cut WebP", 50, cut(WEBP, least=12, before=len(WEBP))),
    ("cut PDF", 40, cut(PDF, least=5, before=PDF.rindex(b"startxref"))),
    ("flipped PNG", 50, png_flip),
    ("JPEG header", 40, jpeg_header),
    ("WebP header", 20, webp_header),
    ("PDF structure", 20, pdf_structure),
    ("wrong magic", 25, wrong_magic),
    ("swapped", 20, swapped),
    ("random bytes", 30, random_bytes),
    ("program", 15, program),
    ("archive", 10, archive),
    ("markup", 10, markup),
    ("forbidden PDF", 25, forbidden_pdf),
    ("locked PDF", 5, locked_pdf),
    ("many pages", 4, many_pages),
    ("bomb", 9, bomb),
    ("PDF bomb", 1, lambda _: pdf(bomb_of_a_stream)),
]


def malformed() -> Iterator[tuple[str, bytes]]:
    chance = random.Random(20260220)
    for name, count, make in KINDS:
        for _ in range(count):
            yield name, make(chance)


def on_disk(*folders: Path) -> list[str]:
    return sorted(str(path) for folder in folders for path in folder.rglob("*"))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that our process, and the decoder's too, takes for temporary files and for the place where it stands."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    start = asyncio.create_subprocess_exec

    async def started(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        return await start(*arguments, **options | {"env": {"TMPDIR": str(folder)}, "cwd": folder})

    monkeypatch.setattr(asyncio, "create_subprocess_exec", started)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def test_malformed_files_are_refused_and_leave_nothing(tmp_path: Path, temporary: Path) -> None:
    store = ObjectStore.open(None, tmp_path / "uploads")
    before = on_disk(tmp_path)
    taken: Counter[str] = Counter()
    refusals: list[str] = []

    async def upload(name: str, content: bytes) -> None:
        """What the API does with an upload: nothing is stored before it was inspected."""
        try:
            proof = await inspect(content)
        except InvalidProof as refusal:
            refusals.append(str(refusal))
            return
        taken[name] += 1
        await store.put(new_key("proofs", proof.media_type, on=ON), proof.content, media_type=proof.media_type)

    files = list(malformed())
    assert len(files) == 500
    files = files[:: 1 if CAMPAIGN else 4]
    await asyncio.gather(*(upload(name, content) for name, content in files))
    assert taken == {}
    assert len([text for text in refusals if "; send " in text or "; print " in text]) == len(files), "each names its remedy"
    assert on_disk(tmp_path) == before


async def test_what_they_were_made_of_is_taken() -> None:
    """Else the refusals above would prove nothing."""
    for content in (JPEG, PROGRESSIVE, PNG, WEBP, PDF, CLASSIC):
        assert (await inspect(content)).content


@given(
    start=st.sampled_from([b"", *MAGICS.values()]),
    rest=st.binary(max_size=400),
    seed=st.integers(0, 2**32),
    sample=st.sampled_from(["", "JPEG", "PNG", "WEBP", "PDF"]),
)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
async def test_any_bytes_are_refused_or_become_one_of_four_types(start: bytes, rest: bytes, seed: int, sample: str) -> None:
    content = start + rest
    if sample:  # a whole file, with a few bytes changed
        changed = bytearray(pdf() if sample == "PDF" else packed(receipt(32, 32), sample))
        chance = random.Random(seed)
        for _ in range(chance.randrange(4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        content = bytes(changed)
    try:
        proof = await inspect(content)
    except InvalidProof:
        return
    assert proof.media_type in {"image/jpeg", "image/png", "image/webp", "application/pdf"}
    assert 0 < len(proof.content) <= MAX_PROOF_BYTES
    assert (await inspect(proof.content)).media_type == proof.media_type
