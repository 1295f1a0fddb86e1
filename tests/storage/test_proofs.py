"""What is taken as a proof, what becomes of it, and what is refused with which remedy."""

import asyncio
import hashlib
import io
import json
import os
import random
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image, PngImagePlugin

from sebilling.errors import InvalidProof
from sebilling.storage import proofs
from sebilling.storage.proofs import MAX_PROOF_BYTES, Proof, inspect
from tests.storage import action, annotated, attached, bomb_of_a_stream, in_catalog, noise, opened, packed, pdf, png, png_header, receipt

PICTURES = [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
Name, Dictionary, Array, String = pikepdf.Name, pikepdf.Dictionary, pikepdf.Array, pikepdf.String


async def refused(content: bytes, why: str) -> None:
    with pytest.raises(InvalidProof, match=why) as caught:
        await inspect(content)
    assert caught.value.field == "proof"
    assert any(remedy in str(caught.value) for remedy in ("; send ", "; print "))


# --- what is taken ---


@pytest.mark.parametrize(("name", "media_type"), PICTURES)
async def test_a_picture_is_taken_and_written_anew(name: str, media_type: str) -> None:
    content = packed(receipt(), name)
    proof = await inspect(content)
    assert (proof.media_type, proof.sha256) == (media_type, hashlib.sha256(content).digest())
    assert (opened(proof.content).format, opened(proof.content).size) == (name, (320, 200))


@pytest.mark.parametrize(("name", "media_type"), PICTURES)
async def test_what_is_stored_would_be_taken_again(name: str, media_type: str) -> None:
    once = await inspect(packed(receipt(), name))
    twice = await inspect(once.content)
    assert (twice.media_type, opened(twice.content).size) == (media_type, (320, 200))
    assert name != "PNG" or twice.content == once.content


async def test_a_pdf_is_taken_and_comes_out_the_same_the_second_time() -> None:
    content = pdf(pages=20, linearize=True)
    once = await inspect(content)
    assert (once.media_type, once.sha256) == ("application/pdf", hashlib.sha256(content).digest())
    assert (await inspect(once.content)).content == once.content
    with pikepdf.open(io.BytesIO(once.content)) as stored:
        assert len(stored.pages) == 20
        assert stored.pages[19].obj.Contents.read_bytes().startswith(b"q 0 0 m")


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
async def test_neither_place_nor_texts_nor_profiles_are_stored(name: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRET maker"
    exif.get_ifd(0x8825)[2] = (6.0, 12.0, 30.0)
    exif.get_ifd(0x8825)[29] = "SECRET place"
    options: dict[str, Any] = {"exif": exif, "icc_profile": b"SECRET profile" * 20}
    if name == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Comment", "SECRET text")
        options["pnginfo"] = texts
    if name == "JPEG":
        options["comment"] = b"SECRET comment"
    content = packed(receipt(), name, **options)
    assert b"SECRET" in content
    stored = (await inspect(content)).content
    assert not any(word in stored for word in (b"SECRET", b"Exif", b"EXIF", b"eXIf", b"ICC", b"iCCP"))
    assert dict(opened(stored).getexif()) == {}


TURNED_BACK = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""EXIF's orientation: the transposition that a camera held so would have made of the scene."""


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
async def test_pictures_are_stored_upright(name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    held = receipt() if orientation == 1 else receipt().transpose(Image.Transpose(TURNED_BACK[orientation]))
    upright = opened((await inspect(packed(held, name, exif=exif))).content).convert("RGB")
    assert upright.size == (320, 200)
    seen = [upright.getpixel(place) for place in ((80, 50), (80, 150), (240, 50), (240, 150))]
    for pixel, expected in zip(seen, [(255, 0, 0), (255, 0, 0), (0, 0, 255), (255, 255, 255)], strict=True):
        assert isinstance(pixel, tuple)
        assert all(abs(one - other) < 12 for one, other in zip(pixel, expected, strict=True)), (name, orientation, seen)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
async def test_a_tail_is_cut_off(name: str) -> None:
    stored = (await inspect(packed(receipt(), name) + b"PK\x03\x04<script>alert(1)</script>")).content
    assert b"script" not in stored
    assert b"PK\x03\x04" not in stored


async def test_the_tail_of_a_pdf_and_its_earlier_versions_are_cut_off() -> None:
    stored = (await inspect(pdf() + b"<script>alert(1)</script>")).content
    assert b"script" not in stored


async def test_only_the_first_picture_of_several_is_stored() -> None:
    others = [Image.new("RGB", (320, 200), color) for color in ("green", "black")]
    for name in ("PNG", "WEBP", "MPO"):
        content = packed(receipt(), name, save_all=True, append_images=others)
        stored = opened((await inspect(content)).content)
        assert getattr(stored, "n_frames", 1) == 1
        pixel = stored.convert("RGB").getpixel((80, 50))
        assert isinstance(pixel, tuple)
        assert pixel[0] > 240
        assert pixel[1] < 10


@pytest.mark.parametrize(
    ("mode", "value", "stored"),
    [
        ("1", 255, 255),
        ("L", 200, 200),
        ("LA", (200, 90), (200, 200, 200, 90)),
        ("P", 3, (200, 10, 10)),
        ("RGBA", (9, 8, 7, 6), (9, 8, 7, 6)),
        ("I;16", 200 * 256 + 255, 200),
    ],
)
async def test_every_mode_of_a_png(mode: str, value: Any, stored: Any) -> None:
    image = Image.new(mode, (40, 30), value)
    if mode == "P":
        image.putpalette([0, 0, 0] * 3 + [200, 10, 10] + [0, 0, 0] * 252)
    assert opened((await inspect(packed(image, "PNG"))).content).getpixel((5, 5)) == stored


async def test_printers_colours_become_a_screens() -> None:
    stored = opened((await inspect(packed(Image.new("CMYK", (40, 30), (0, 255, 255, 0)), "JPEG"))).content)
    assert (stored.mode, stored.getpixel((5, 5))) == ("RGB", (254, 0, 0))


async def test_large_pictures_are_scaled_down() -> None:
    assert opened((await inspect(packed(receipt(6000, 3000), "JPEG"))).content).size == (2400, 1200)
    assert opened((await inspect(packed(receipt(1200, 4800), "PNG"))).content).size == (600, 2400)


async def test_a_picture_that_would_be_too_large_becomes_a_jpeg() -> None:
    chance = random.Random(1)
    image = Image.frombytes("P", (2200, 2200), chance.randbytes(2200 * 2200))
    image.putpalette(chance.randbytes(768))
    content = packed(image, "PNG")
    assert len(content) <= MAX_PROOF_BYTES
    proof = await inspect(content)
    assert proof.media_type == "image/jpeg"
    assert len(proof.content) <= MAX_PROOF_BYTES


async def test_a_pdf_keeps_its_pages_and_nothing_that_acts_or_tells() -> None:
    def talk(made: pikepdf.Pdf) -> None:
        made.docinfo["/Author"] = "SECRET author"
        with made.open_metadata() as metadata:
            metadata["dc:title"] = "SECRET title"
        made.pages[0].obj.PieceInfo = Dictionary(Editor=Dictionary(Private=String("SECRET piece")))
        made.pages[0].obj.AA = Dictionary(O=action("ResetForm"))
        made.Root.OpenAction = Array([made.pages[0].obj, Name.Fit])
        made.Root.AcroForm = Dictionary(Fields=[], DA=String("SECRET form"))

    content = pdf(
        talk, annotated(A=action("URI", URI=String("https://SECRET.example"))), object_stream_mode=pikepdf.ObjectStreamMode.disable
    )
    assert content.count(b"SECRET") >= 4
    stored = (await inspect(content)).content
    with pikepdf.open(io.BytesIO(stored)) as cleaned:
        assert cleaned.Root.keys() == {"/Type", "/Pages"}
        assert "/Info" not in cleaned.trailer
        assert not any("SECRET" in repr(thing) for thing in cleaned.objects)
        assert not {"/AA", "/PieceInfo"} & cleaned.pages[0].obj.keys()
        assert "/A" not in cleaned.pages[0].obj.Annots[0]


async def test_a_photo_in_a_pdf_loses_its_place_and_keeps_its_pixels() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRET maker"
    photo = packed(receipt(), "JPEG", exif=exif, comment=b"SECRET")

    def scan(made: pikepdf.Pdf) -> None:
        image = pikepdf.Stream(made, photo, Width=320, Height=200, ColorSpace=Name.DeviceRGB, BitsPerComponent=8, Subtype=Name.Image)
        image.Type, image.Filter = Name.XObject, Name.DCTDecode
        made.pages[0].obj.Resources = Dictionary(XObject=Dictionary(Photo=image))

    stored = (await inspect(pdf(scan))).content
    assert b"SECRET" not in stored
    with pikepdf.open(io.BytesIO(stored)) as cleaned:
        kept = cleaned.pages[0].obj.Resources.XObject.Photo.read_raw_bytes()
    assert opened(kept).tobytes() == opened(photo).tobytes()


# --- what is refused ---


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\xff\xd8\xff" + bytes(MAX_PROOF_BYTES), "5242883 bytes"),
        (b"MZ\x90\x00" + bytes(200), "Windows program"),
        (b"\x7fELF" + bytes(200), "a program"),
        (b"#!/bin/sh\n", "a script"),
        (b"PK\x03\x04" + bytes(200), "ZIP archive"),
        (b"GIF89a" + bytes(200), "a GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "SVG"),
        (b"\n <!doctype html><script>alert(1)</script>", "web page"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(200), "HEIC"),
        (b"bukti transfer", "no picture or PDF"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "no picture or PDF"),
        (b"\x89PNG\r\n\x1a\nMZ\x90\x00" + bytes(200), "no picture or PDF"),
        (b"\n%PDF-1.4", "no picture or PDF"),
    ],
)
async def test_what_isnt_one_of_ours_is_told_by_its_first_bytes(content: bytes, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "_decoded", None)  # no process is started
    await refused(content, why)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("missing", [1, 2, 12, 1000])
async def test_a_picture_without_its_end(name: str, missing: int) -> None:
    await refused(packed(noise(64, 64), name)[:-missing], "damaged or incomplete")


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_blocks": 1}])
async def test_a_jpeg_of_scans_or_restarts_is_whole_or_refused(options: dict[str, Any]) -> None:
    content = packed(noise(64, 64), "JPEG", **options)
    await inspect(content)
    await refused(content[: len(content) // 2], "damaged or incomplete")


async def test_a_forged_end_gives_a_picture_with_a_grey_rest_and_no_more() -> None:
    """libjpeg fills in what is missing before an end marker; that harms nobody, and whoever confirms the deposit sees it."""
    content = packed(noise(64, 64), "JPEG")
    stored = opened((await inspect(content[: len(content) // 2] + b"\xff\xd9")).content)
    assert stored.getpixel((63, 63)) == stored.getpixel((50, 60))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(png(png_header(60000, 60000), (b"IDAT", zlib.compress(bytes(60_000))), (b"IEND", b"")), id="png"),
        pytest.param(packed(receipt(9, 9), "JPEG").replace(b"\x08\x00\x09\x00\x09", b"\x08\xff\xdc\xff\xdc"), id="jpeg"),
        pytest.param(packed(receipt(9, 9), "WEBP", lossless=True)[:21] + b"\xff" * 3 + b"\x0f" + bytes(20) * 9, id="webp"),
    ],
)
async def test_bombs_are_refused_before_they_are_decoded(content: bytes) -> None:
    content = content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:] if content.startswith(b"RIFF") else content
    await refused(content, "40 million pixels")


async def test_texts_in_a_png_can_be_bombs_too_and_are_never_unpacked() -> None:
    text = b"Comment\x00\x00" + zlib.compress(bytes(200_000_000), 9)
    body = zlib.compress(b"".join(b"\x00" + bytes(8) for _ in range(8)))
    proof = await inspect(png(png_header(8, 8), (b"zTXt", text), (b"IDAT", body), (b"IEND", b"")))
    assert len(proof.content) < 200


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (pdf(in_catalog(OpenAction=action("JavaScript", JS=String("app.alert(1)")))), "scripts"),
        (pdf(in_catalog(Names=Dictionary(JavaScript=Dictionary(Names=[String("x"), action("JavaScript")])))), "scripts"),
        (pdf(in_catalog(AA=Dictionary(WC=action("JavaScript", JS=String("x"))))), "scripts"),
        (pdf(annotated(A=action("URI", Next=Array([action("JavaScript")])))), "scripts"),
        (pdf(annotated(A=action("Launch", F=String("cmd.exe")))), "actions"),
        (pdf(annotated(A=action("SubmitForm", F=String("http://x")))), "actions"),
        (pdf(annotated(A=action("GoToR", F=String("other.pdf")))), "actions"),
        (pdf(attached), "attached files"),
        (pdf(annotated(Subtype=Name.FileAttachment)), "attached files"),
        (pdf(annotated(Subtype=Name.RichMedia)), "attached files or media"),
        (pdf(in_catalog(AcroForm=Dictionary(Fields=[], XFA=String("<xdp/>")))), "XFA"),
        (pdf(in_catalog(AcroForm=Dictionary(Fields=[Dictionary(AA=Dictionary(K=action("JavaScript")))]))), "scripts"),
        (pdf(lambda made: made.pages[0].obj.Contents.__setitem__("/F", String("/etc/passwd"))), "other files"),
        (pdf(encryption=pikepdf.Encryption(owner="o", user="u")), "password"),
        (pdf(encryption=pikepdf.Encryption(owner="o", user="")), "password"),
        (pdf(pages=0), "0 pages"),
        (pdf(pages=21), "21 pages"),
        (pdf(lambda made: made.pages[0].obj.__setitem__("/X", pikepdf.Stream(made, b"", Width=60000, Height=60000))), "million pixels"),
        (pdf()[: pdf().rindex(b"startxref")], "damaged or incomplete"),
        (b"%PDF-1.7\n" + bytes(100), "damaged or incomplete"),
        (b"%PDF-1.4\n<script>alert(1)</script>", "damaged or incomplete"),
    ],
)
async def test_a_pdf_that_acts_hides_or_is_broken(content: bytes, why: str) -> None:
    await refused(content, why)


async def test_a_page_that_unpacks_to_300_megabytes_is_refused() -> None:
    await refused(pdf(bomb_of_a_stream), "damaged")


async def test_names_written_in_hexadecimal_hide_nothing() -> None:
    content = pdf(in_catalog(OpenAction=action("JavaScript")), object_stream_mode=pikepdf.ObjectStreamMode.disable)
    assert b"/JavaScript" in content
    await refused(content.replace(b"/JavaScript", b"/J#61vaScrip#74"), "scripts|damaged")


# --- the process ---


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the log is told."""
    told: list[dict[str, Any]] = []

    class Log:
        def warning(self, event: str, **fields: object) -> None:
            told.append({"event": event} | fields)

    monkeypatch.setattr(proofs, "_logger", Log())
    return told


@pytest.fixture
def decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put another program in the decoder's place."""

    def replace(program: str) -> None:
        (tmp_path / "decoder.py").write_text(f"import json, os, sys, time\n{program}\n")
        monkeypatch.setattr(proofs, "_DECODER", tmp_path / "decoder.py")

    return replace


@pytest.mark.parametrize(
    "program",
    [
        "os.abort()",
        "sys.stdin.buffer.read(); sys.exit(3)",
        "sys.stdin.buffer.read(); os.kill(os.getpid(), 9)",
        "print('no header')",
        "print(json.dumps({'media_type': 'text/html'})); print('<script>')",
        "print(json.dumps({'media_type': 'image/png'}))",
        "print('[]')",
        "sys.stdin.buffer.read(); [os.write(1, bytes(65536)) for _ in range(100000)]",
    ],
)
async def test_a_decoder_that_dies_or_talks_nonsense_is_a_refusal(
    decoder: Callable[[str], None], program: str, warned: list[dict[str, Any]]
) -> None:
    decoder(program)
    await refused(packed(noise(400, 400), "PNG"), "too long or too much memory")
    assert [entry["event"] for entry in warned] == ["proof_decoder_failed"]
    assert all(not isinstance(value, bytes) for entry in warned for value in entry.values())


async def test_a_decoder_that_doesnt_come_to_an_end_is_killed(
    decoder: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warned: list[dict[str, Any]]
) -> None:
    decoder(f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    monkeypatch.setattr(proofs, "MAX_SECONDS", 0.5)
    await refused(packed(noise(400, 400), "PNG"), "too long")
    assert warned[0]["exit_code"] is None
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_a_request_that_is_cancelled_takes_its_decoder_along(decoder: Callable[[str], None], tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    decoder(f"open({str(pid)!r}, 'w').write(str(os.getpid())); [os.write(1, bytes(65536)) for _ in range(64)]; time.sleep(60)")
    task = asyncio.create_task(inspect(packed(receipt(), "PNG")))
    while not (pid.exists() and pid.read_text()):  # noqa: ASYNC110  another process writes it
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


async def test_at_most_two_decode_at_once(decoder: Callable[[str], None], tmp_path: Path) -> None:
    decoder(
        f"log = open({str(tmp_path / 'log')!r}, 'a')\n"
        "log.write('+'); log.flush(); sys.stdin.buffer.read(); time.sleep(0.1); log.write('-'); log.flush()\n"
        "print(json.dumps({'refused': 'no; send none'}))"
    )
    await asyncio.gather(*(refused(packed(receipt(), "PNG"), "send none") for _ in range(6)))
    running, most = 0, 0
    for sign in (tmp_path / "log").read_text():
        running += 1 if sign == "+" else -1
        most = max(most, running)
    assert (running, most) == (0, 2)


async def test_the_limits_hold(decoder: Callable[[str], None], tmp_path: Path) -> None:
    source = proofs._DECODER.parent
    decoder(
        f"sys.path.insert(0, {str(source)!r}); import decode, resource; decode._limit_myself(); sys.stdin.buffer.read()\n"
        "limits = [resource.getrlimit(kind)[0] for kind, _ in decode._LIMITS]\n"
        "try: bytearray(2 << 30); memory = 'free'\n"
        "except MemoryError: memory = 'held'\n"
        f"import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"try: os.write(os.open({str(tmp_path / 'written')!r}, os.O_CREAT | os.O_WRONLY), b'x'); disk = 'free'\n"
        "except OSError: disk = 'held'\n"
        "print(json.dumps({'refused': f'{memory} {disk} {limits} {sorted(os.environ)}; send none'}))"
    )
    await refused(packed(receipt(), "PNG"), r"held held \[1610612736, 10, 0, 32, 0\] \[('LC_CTYPE')?\]")


async def test_it_works_in_every_loop() -> None:
    def other_loop() -> Proof:
        return asyncio.run(inspect(packed(receipt(), "PNG")))

    for _ in range(2):
        assert (await asyncio.to_thread(other_loop)).media_type == "image/png"


async def test_it_starts_nothing_of_ours() -> None:
    program = f"import runpy, sys, json; runpy.run_path({str(proofs._DECODER)!r}); print(json.dumps(sorted(sys.modules)))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-I", "-c", program, stdout=asyncio.subprocess.PIPE)
    modules = json.loads((await process.communicate())[0])
    assert not {"sebilling", "pikepdf", "PIL", "obstore", "asyncio"} & set(modules)
