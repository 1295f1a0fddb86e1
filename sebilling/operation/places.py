"""Where backups are kept: a folder, or a bucket (`s3://bucket/prefix`, with the usual AWS_… variables)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import obstore.store
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from sebilling.operation.retention import kept, made_at
from sebilling.operator_errors import UnusableFile


def is_url(target: str) -> bool:
    """Whether it names a bucket, not a file or folder."""
    return "://" in target


class BackupPlace:
    """A folder or bucket of backups. Each method raises UnusableFile, with the place's name, if it can't be used."""

    def __init__(self, store: obstore.store.ObjectStore, target: str) -> None:
        self._store, self._target = store, target

    @classmethod
    def open(cls, target: str) -> Self:
        """Open a place; a folder must exist."""
        with _told(target):
            return cls(obstore.store.from_url(target) if is_url(target) else LocalStore(prefix=Path(target)), target)

    async def names(self) -> list[str]:
        """Names of the backups there, oldest first."""
        names: list[str] = []
        with _told(self._target):
            async for objects in self._store.list(chunk_size=1000):
                names += [item["path"] for item in objects if made_at(item["path"]) is not None]
        return sorted(names)

    async def put(self, file: Path) -> None:
        """Store a backup under its name, in parts if it is large."""
        with _told(self._target):
            await self._store.put_async(file.name, file)

    async def fetch(self, name: str, to: Path) -> None:
        """Copy a backup to a new file, piece by piece."""
        with _told(f"{self._target}/{name}"):
            stored = await self._store.get_async(name)
            with to.open("xb") as file:
                async for piece in stored.stream():
                    file.write(piece)

    async def thin(self) -> list[str]:
        """Delete the backups that need not be kept; return their names."""
        names = await self.names()
        gone = sorted(set(names) - kept(names))
        with _told(self._target):
            for name in gone:
                await self._store.delete_async(name)
        return gone


@contextmanager
def _told(target: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise UnusableFile(file=target, why="it isn't there: name a folder, bucket or backup that exists.") from error
    except (OSError, ValueError, BaseError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise UnusableFile(file=target, why=f"check its name, the network and the rights ({reason}).") from error
