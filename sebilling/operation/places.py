"""Where backups are kept: a folder, or a bucket (`s3://bucket/prefix`, with the usual AWS_… variables)."""

from pathlib import Path
from typing import Self

import obstore.store
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from sebilling.errors import InvalidFile, InvalidSetting
from sebilling.language import Sentence
from sebilling.operation.retention import kept, made_at


def is_url(target: str) -> bool:
    """Whether it names a bucket, not a file or folder."""
    return "://" in target


class BackupPlace:
    """A folder or bucket of backups. Errors of disk and network are OSError or obstore's BaseError."""

    def __init__(self, store: obstore.store.ObjectStore) -> None:
        self._store = store

    @classmethod
    def open(cls, target: str) -> Self:
        """Open a place; a folder must exist. Raises InvalidSetting."""
        try:
            return cls(obstore.store.from_url(target) if is_url(target) else LocalStore(prefix=Path(target)))
        except (OSError, ValueError, BaseError) as error:
            why = Sentence(
                f"it can't be opened ({type(error).__name__}): name a folder that exists, or a bucket such as s3://bucket/prefix.",
                f"tidak bisa dibuka ({type(error).__name__}): isi folder yang ada, atau bucket seperti s3://bucket/prefix.",
            )
            raise InvalidSetting(setting="SEBILLING_BACKUP_TO", why=why) from error

    async def names(self) -> list[str]:
        """Names of the backups there, oldest first."""
        names: list[str] = []
        async for objects in self._store.list(chunk_size=1000):
            names += [item["path"] for item in objects if made_at(item["path"]) is not None]
        return sorted(names)

    async def put(self, file: Path) -> None:
        """Store a backup under its name, in parts if it is large."""
        await self._store.put_async(file.name, file)

    async def fetch(self, name: str, to: Path) -> None:
        """Copy a backup to a new file, piece by piece. Raises InvalidFile if it isn't there."""
        try:
            stored = await self._store.get_async(name)
        except FileNotFoundError as error:
            raise InvalidFile(file=name, why="it isn't there: look at the names that are.") from error
        with to.open("xb") as file:
            async for piece in stored.stream():
                file.write(piece)

    async def thin(self) -> list[str]:
        """Delete the backups that need not be kept; return their names."""
        names = await self.names()
        gone = sorted(set(names) - kept(names))
        for name in gone:
            await self._store.delete_async(name)
        return gone
