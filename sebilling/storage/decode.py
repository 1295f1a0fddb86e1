"""Decode one possibly hostile upload and write what may be stored; runs as a separate process with resource limits.

    python -I decode.py MEDIA_TYPE  <upload  >one line of JSON, then the bytes

The line is `{"media_type": …}`, or `{"refused": why}` with nothing after it. It is run by its path and imports no module of ours, so it
starts in about 30 ms and needs only Pillow and pikepdf. It can't write files: its limit of a file's size is 0 bytes.
"""

import io
import json
import re
import resource
import struct
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pikepdf
    from PIL import Image

MAX_PROOF_BYTES = 5 * 1024 * 1024
MAX_PIXELS = 40_000_000
LONGEST_SIDE_PIXELS = 2400
MAX_PAGES = 20
MAX_PIXELS_IN_PDF = 100_000_000

_MEBIBYTE = 1024 * 1024
_MAX_STREAM_BYTES = 256 * _MEBIBYTE
"""Limit of a PDF's decoded stream; a page scanned in colour at 600 dpi has 100 MiB."""
_LIMITS = (
    (resource.RLIMIT_AS, 1536 * _MEBIBYTE),
    (resource.RLIMIT_CPU, 10),  # seconds; then the kernel ends the process
    (resource.RLIMIT_FSIZE, 0),  # pipes don't count; nothing can be written to disk
    (resource.RLIMIT_NOFILE, 32),
    (resource.RLIMIT_CORE, 0),
)

_DAMAGED = "the picture is damaged or incomplete; send the original again, or a screenshot of it."
_TOO_MANY_PIXELS = f"the picture has more than {MAX_PIXELS // 1_000_000} million pixels; send a smaller one, or a screenshot."
_STILL_TOO_LARGE = f"it stays over {MAX_PROOF_BYTES // _MEBIBYTE} MB however it is packed; send fewer pages, or a picture."
_DAMAGED_PDF = "the PDF is damaged or incomplete; print it to a new PDF, or send a screenshot of it."
_LOCKED = "the PDF is locked with a password; print it to a new PDF without one, or send a screenshot of it."
_ACTIVE = "the PDF contains {what}; print it to a new PDF, or send a screenshot of it."
_TOO_DEMANDING = "decoding it needs too much memory; send a smaller picture, or a screenshot."


class Refused(Exception):
    """The upload is refused; the text gives the reason and the remedy."""


# --- structure of pictures: Pillow tolerates missing ends, wrong checksums and trailing data, so they are checked here ---

_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def jpeg_segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the segments of a JPEG as (marker, bytes) up to the end marker; a scan's data is part of its segment.

    Raises Refused unless all segments are complete and followed by an end marker.
    """
    yield 0xD8, content[:2]
    position = 2
    while position + 4 <= len(content) or content[position : position + 2] == b"\xff\xd9":
        if content[position] != 0xFF:
            break
        marker = content[position + 1]
        if marker == 0xD9:
            yield marker, b"\xff\xd9"
            return
        if marker == 0xFF:  # padding
            position += 1
            continue
        end = position + 2 + int.from_bytes(content[position + 2 : position + 4])
        if marker == 0xDA:
            end_of_scan = _END_OF_SCAN.search(content, end)
            end = end_of_scan.start() if end_of_scan is not None else len(content)
        yield marker, content[position:end]
        position = end
    raise Refused(_DAMAGED)


def _whole_jpeg(content: bytes) -> bytes:
    markers = {marker for marker, _ in jpeg_segments(content)}
    if 0xDA not in markers:
        raise Refused(_DAMAGED)
    return content  # unchanged: a phone's second picture follows the first, and its header says where


def _whole_png(content: bytes) -> bytes:
    """Keep the chunks of the first picture and its orientation; drop text, colour profile, animation and trailing data."""
    kept, position, expected = [content[:8]], 8, b"IHDR"
    while position + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        end = position + 12 + length
        if end > len(content) or expected not in (b"", kind):
            break
        if zlib.crc32(content[position + 4 : end - 4]) != int.from_bytes(content[end - 4 : end]):
            break
        if kind in {b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"eXIf", b"IEND"}:
            kept.append(content[position:end])
        if kind == b"IEND":
            return b"".join(kept)
        position, expected = end, b""
    raise Refused(_DAMAGED)


def _whole_webp(content: bytes) -> bytes:
    """Return the file without trailing data. Raises Refused if it is incomplete, or its canvas too large: libwebp allocates all of it."""
    end = 8 + int.from_bytes(content[4:8], "little")
    if end > len(content) or end < 30:
        raise Refused(_DAMAGED)
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    elif kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (int.from_bytes(content[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    if width * height > MAX_PIXELS:
        raise Refused(_TOO_MANY_PIXELS)
    return content[:end]


# --- pictures ---


def _pixels(content: bytes, name: str) -> "Image.Image":
    """Decode the first picture in `content`: scaled down, upright, in a mode that every format here supports."""
    from PIL import Image  # noqa: PLC0415 - a PDF needs no Pillow

    if name == "WEBP":
        import PIL.WebPImagePlugin  # noqa: F401, PLC0415 - Image.open would import every plugin to find this one

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    image: Image.Image
    try:
        image = Image.open(io.BytesIO(content), formats=(name,))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as bomb:
        raise Refused(_TOO_MANY_PIXELS) from bomb
    if image.width * image.height > MAX_PIXELS:
        raise Refused(_TOO_MANY_PIXELS)
    orientation = _orientation(image)
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value / 256).convert("L")  # 16 bits of grey
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in {"L", "RGB", "RGBA", "CMYK"} or "transparency" in image.info:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((LONGEST_SIDE_PIXELS, LONGEST_SIDE_PIXELS), Image.Resampling.LANCZOS)
    image.load()
    if image.mode == "CMYK":
        image = image.convert("RGB")
    if orientation in _TURNS:
        image = image.transpose(Image.Transpose[_TURNS[orientation]])
    image.info = {}  # writers take comments and colour profiles from here
    return image


_TURNS = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"}
"""EXIF's orientations as Pillow's transpositions."""


def _orientation(image: "Image.Image") -> object:
    try:
        return image.getexif().get(0x0112)
    except Exception:  # noqa: BLE001 - phones write odd EXIF, and Pillow raises all sorts; the picture itself is what counts
        return None


def _packed(image: "Image.Image", name: str, **options: object) -> bytes:
    output = io.BytesIO()
    image.save(output, name, **options)
    return output.getvalue()


def _flat(image: "Image.Image") -> "Image.Image":
    """Put a transparent picture on a white background, as JPEG has no transparency."""
    if image.mode != "RGBA":
        return image
    from PIL import Image  # noqa: PLC0415 - see _pixels

    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def picture(content: bytes, media_type: str) -> tuple[str, bytes]:
    """Decode and re-encode a JPEG, PNG or WebP: (media type, bytes) of the same type, or a JPEG if that would be too large.

    Only pixels are kept. Raises Refused, or whatever Pillow raises for a file that it can't decode.
    """
    whole: Callable[[bytes], bytes]
    name, whole, options = {
        "image/jpeg": ("JPEG", _whole_jpeg, {"quality": 85}),
        "image/png": ("PNG", _whole_png, {}),
        "image/webp": ("WEBP", _whole_webp, {"quality": 85}),
    }[media_type]
    image = _pixels(whole(content), name)
    output = _packed(image, name, **options)
    if len(output) <= MAX_PROOF_BYTES:
        return media_type, output
    for quality in (85, 70, 50):
        output = _packed(_flat(image), "JPEG", quality=quality)
        if len(output) <= MAX_PROOF_BYTES:
            return "image/jpeg", output
    raise Refused(_STILL_TOO_LARGE)


# --- PDFs ---

_SCRIPTS, _ACTIONS, _FILES, _FORMS = "scripts", "actions that start or send something", "attached files or media", "an XFA form"
_REFUSED_KEYS = {"/JS": _SCRIPTS, "/JavaScript": _SCRIPTS, "/EmbeddedFiles": _FILES, "/EF": _FILES, "/XFA": _FORMS}
_REFUSED_NAMES = {
    "/S": {
        "/JavaScript": _SCRIPTS,
        **dict.fromkeys(("/Launch", "/SubmitForm", "/ImportData", "/GoToR", "/GoToE"), _ACTIONS),
        **dict.fromkeys(("/Rendition", "/Movie", "/Sound", "/RichMediaExecute"), _FILES),
    },
    "/Type": {"/EmbeddedFile": _FILES},
    "/Subtype": dict.fromkeys(("/FileAttachment", "/RichMedia", "/Movie", "/Sound", "/Screen", "/3D"), _FILES) | {"/PS": _SCRIPTS},
    "/Subtype2": {"/PS": _SCRIPTS},
}
_EXTERNAL_KEYS = ("/F", "/FFilter", "/FDecodeParms", "/Ref", "/OPI")
"""Keys of a stream whose bytes are in an external file."""
_DROPPED_KEYS = ("/AA", "/PA", "/Metadata", "/PieceInfo", "/LastModified", "/Thumb")
_KEPT_OF_TRAILER = {"/Root", "/Size"}
_KEPT_OF_CATALOG = {"/Type", "/Pages", "/OCProperties"}
_KEPT_OF_PAGE = {"/Type", "/Parent", "/Resources", "/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox", "/Contents", "/Rotate"} | {
    "/Group",
    "/Annots",
    "/UserUnit",
}


def document(content: bytes) -> tuple[str, bytes]:
    """Check a PDF and rewrite it with its pages only, without metadata and actions: (media type, bytes).

    Raises Refused, or whatever pikepdf raises for a file that it can't read.
    """
    import pikepdf  # noqa: PLC0415 - a picture needs no pikepdf
    import pikepdf.settings  # noqa: PLC0415 - as above

    pikepdf.settings.set_qpdf_limits(
        parser_max_nesting=100,
        max_stream_filters=3,
        dct_max_progressive_scans=100,
        dct_max_memory=_MAX_STREAM_BYTES,
        flate_max_memory=_MAX_STREAM_BYTES,
        png_max_memory=_MAX_STREAM_BYTES,
        run_length_max_memory=_MAX_STREAM_BYTES,
        tiff_max_memory=_MAX_STREAM_BYTES,
    )
    try:
        pdf = pikepdf.open(io.BytesIO(content), attempt_recovery=False)
    except pikepdf.PasswordError as locked:
        raise Refused(_LOCKED) from locked
    except pikepdf.PdfError as damaged:
        raise Refused(_DAMAGED_PDF) from damaged
    with pdf:
        if pdf.is_encrypted:
            raise Refused(_LOCKED)
        if not 1 <= len(pdf.pages) <= MAX_PAGES:
            raise Refused(f"the PDF has {len(pdf.pages)} pages; send 1 to {MAX_PAGES}, the one with the transfer among them.")
        for item in pdf.objects:
            _check_and_clean(item)
        if pdf.get_warnings() or pdf.check_pdf_syntax():
            raise Refused(_DAMAGED_PDF)
        for holder, kept in (
            (pdf.trailer, _KEPT_OF_TRAILER),
            (pdf.Root, _KEPT_OF_CATALOG),
            *((page.obj, _KEPT_OF_PAGE) for page in pdf.pages),
        ):
            for key in holder.keys() - kept:
                del holder[key]
        output = io.BytesIO()
        pdf.save(output, deterministic_id=True, fix_metadata_version=False, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    if output.tell() > MAX_PROOF_BYTES:
        raise Refused(_STILL_TOO_LARGE)
    return "application/pdf", output.getvalue()


def _check_and_clean(thing: object) -> None:
    """Refuse forbidden entries of an object and its direct parts; drop unneeded ones."""
    import pikepdf  # noqa: PLC0415 - see document

    stack = [thing]
    while stack:
        part = stack.pop()
        if isinstance(part, pikepdf.Array):
            stack += [value for value in part.as_list() if not getattr(value, "is_indirect", False)]
        elif isinstance(part, pikepdf.Dictionary | pikepdf.Stream):
            entries: dict[str, object] = dict(part.items())
            _check(entries, stream=isinstance(part, pikepdf.Stream))
            for key in _DROPPED_KEYS:
                if key in entries:
                    del part[key]
            action = entries.get("/A")
            if isinstance(action, pikepdf.Dictionary) and "/S" in action:  # a link's action, harmless or not: nobody clicks in a proof
                del part["/A"]
            if isinstance(part, pikepdf.Stream):
                _clean_photo(part)
            stack += [value for value in entries.values() if not getattr(value, "is_indirect", False)]


def _check(entries: dict[str, object], *, stream: bool) -> None:
    """Raise Refused for keys and names of scripts, files and forms, and for pictures too large for any viewer."""
    import pikepdf  # noqa: PLC0415 - see document

    for key, what in _REFUSED_KEYS.items():
        if key in entries:
            raise Refused(_ACTIVE.format(what=what))
    for key, names in _REFUSED_NAMES.items():
        value = entries.get(key)
        if isinstance(value, pikepdf.Name) and str(value) in names:
            raise Refused(_ACTIVE.format(what=names[str(value)]))
    if stream and any(key in entries for key in _EXTERNAL_KEYS):
        raise Refused(_ACTIVE.format(what="parts that lie in other files"))
    width, height = entries.get("/Width"), entries.get("/Height")
    if isinstance(width, int) and isinstance(height, int) and width * height > MAX_PIXELS_IN_PDF:
        raise Refused(f"the PDF holds a picture of more than {MAX_PIXELS_IN_PDF // 1_000_000} million pixels; send a screenshot of it.")


def _clean_photo(stream: "pikepdf.Stream") -> None:
    """Drop EXIF, which contains the location, from a photo in a PDF. An incomplete photo is left for qpdf to refuse."""
    import pikepdf  # noqa: PLC0415 - see document

    if stream.get("/Filter") != pikepdf.Name.DCTDecode or "/DecodeParms" in stream:
        return
    try:
        segments = list(jpeg_segments(stream.read_raw_bytes()))
    except Refused:
        return
    # APP0 marks JFIF and APP14 defines the colours; other APP segments and comments aren't needed to draw the photo.
    kept = [part for marker, part in segments if marker in {0xE0, 0xEE} or not (0xE0 <= marker <= 0xEF or marker == 0xFE)]
    stream.write(b"".join(kept), filter=pikepdf.Name.DCTDecode)


# --- the process ---


def _limit_myself() -> None:
    for kind, most in _LIMITS:
        _, hard = resource.getrlimit(kind)
        most_here = most if hard == resource.RLIM_INFINITY else min(most, hard)  # only root may raise a hard limit
        resource.setrlimit(kind, (most_here, most_here))


def answer(content: bytes, media_type: str) -> bytes:
    """Return the header line and the bytes to store. Never raises: an upload that can't be decoded is refused."""
    try:
        kind, output = document(content) if media_type == "application/pdf" else picture(content, media_type)
        header = {"media_type": kind}
    except Refused as refusal:
        header, output = {"refused": str(refusal)}, b""
    except MemoryError:
        header, output = {"refused": _TOO_DEMANDING}, b""
    except Exception:  # noqa: BLE001 - decoders raise various exceptions for hostile bytes; all mean the same
        header, output = {"refused": _DAMAGED_PDF if media_type == "application/pdf" else _DAMAGED}, b""
    return json.dumps(header).encode() + b"\n" + output


if __name__ == "__main__":
    _limit_myself()
    sys.stdout.buffer.write(answer(sys.stdin.buffer.read(MAX_PROOF_BYTES + 1), sys.argv[1]))
