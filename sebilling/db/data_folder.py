"""Mark of the folder that a database belongs to, so that a copied, moved or restored folder is detected before anything is written.

The mark, beside the data, holds the path and the inode of the folder that the data was created for. A copy of a folder whose data is
behind a link would otherwise use the live database of the original; a copy made while the server ran may be inconsistent. The
device number isn't part of the mark: it can change when a machine restarts.
"""

import fcntl
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from sebilling.error_codes import ErrorCode
from sebilling.errors import Unavailable, Words
from sebilling.language import Sentence

_MARK: Final = "folder.json"
ADOPT: Final = "sebilling database adopt"


class StrangeFolder(Unavailable):
    """The database belongs to another folder; `why` holds the cause and the remedy."""

    code = ErrorCode.DATABASE_UNAVAILABLE
    english = "{folder} isn't where this database was made: {why}"
    indonesian = "{folder} bukan tempat asal basis data ini: {why}"
    folder: Path
    why: Words


@dataclass(frozen=True, slots=True)
class _Mark:
    """Identity of the folder that data was created for."""

    path: str
    inode: int


def claim(data_dir: Path, home: Path) -> None:
    """Mark the data in `home` as that of `data_dir`, or check the mark. Raises StrangeFolder, OSError."""
    mark = _read(home)
    if mark is None:
        _write(data_dir, home)
    elif mark != _of(data_dir):
        raise StrangeFolder(folder=data_dir, why=_why(mark, data_dir, home))


def adopt(data_dir: Path) -> bool:
    """Accept the folder as the data's place from now on. Returns False if it already was.

    Raises StrangeFolder where that is unsafe: a copy of a link, a copy of a running server's data, data that is in use.
    """
    home = (data_dir / "server").resolve()
    mark = _read(home) if home.is_dir() else None
    if mark is None or mark == _of(data_dir):
        return False
    if _is_linked_twice(mark, data_dir, home):
        raise StrangeFolder(folder=data_dir, why=_why(mark, data_dir, home))
    with (home / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            why = Sentence("a server is running on it. Stop the server first.", "servernya sedang berjalan: hentikan dulu.")
            raise StrangeFolder(folder=data_dir, why=why) from None
        if mark.inode != _of(data_dir).inode and (home / "data" / "postmaster.pid").exists():
            why = Sentence(
                f"it was copied from {mark.path} while the server ran, so the copy may be torn: use `sebilling backup` there and"
                " `sebilling restore` here, or copy it again with the server stopped.",
                f"disalin dari {mark.path} saat server berjalan, jadi salinannya bisa rusak: pakai `sebilling backup` di sana dan"
                " `sebilling restore` di sini, atau salin lagi saat server berhenti.",
            )
            raise StrangeFolder(folder=data_dir, why=why)
        _write(data_dir, home)
    return True


def _of(data_dir: Path) -> _Mark:
    real = data_dir.resolve()
    return _Mark(str(real), real.stat().st_ino)


def _read(home: Path) -> _Mark | None:
    try:
        return _Mark(**orjson.loads((home / _MARK).read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        return _Mark("a folder whose mark can't be read", 0)


def _write(data_dir: Path, home: Path) -> None:
    fresh = home / f"{_MARK}.{secrets.token_hex(4)}"
    fresh.write_bytes(orjson.dumps(asdict(_of(data_dir))))
    os.chown(fresh, home.stat().st_uid, -1)
    fresh.rename(home / _MARK)


def _is_linked_twice(mark: _Mark, data_dir: Path, home: Path) -> bool:
    """Whether the folder holds only a link to data that another existing folder links to as well."""
    original = Path(mark.path)
    return (data_dir / "server").is_symlink() and (original / "server").resolve() == home and original.resolve() != data_dir.resolve()


def _why(mark: _Mark, data_dir: Path, home: Path) -> Sentence:
    if _is_linked_twice(mark, data_dir, home):
        return Sentence(
            f"it is a copy of {mark.path}, and copied was only the link to that one's live database in {home}. Remove the copy; to take"
            " the data along, run `sebilling backup FILE` there and `sebilling restore FILE` with an empty SEBILLING_VAR.",
            f"ini salinan {mark.path}, dan yang tersalin hanya tautan ke basis data aktifnya di {home}. Hapus salinan ini; untuk membawa"
            " datanya, jalankan `sebilling backup BERKAS` di sana dan `sebilling restore BERKAS` dengan SEBILLING_VAR kosong.",
        )
    if mark.inode == _of(data_dir).inode:
        return Sentence(
            f"it was moved from {mark.path}. If that was meant, run `{ADOPT}`.",
            f"dipindah dari {mark.path}. Bila disengaja, jalankan `{ADOPT}`.",
        )
    return Sentence(
        f"it was copied or restored from {mark.path}. If the server was stopped meanwhile and the original isn't used any more, run"
        f" `{ADOPT}`.",
        f"disalin atau dipulihkan dari {mark.path}. Bila servernya berhenti saat itu dan aslinya tak dipakai lagi, jalankan `{ADOPT}`.",
    )
