"""The machine on which nft runs: what a transport does, and the transport for this machine itself."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from sebilling.plugins.contract import DeviceError, Fault, Sentence

from sebilling_nftables.config import NftablesConfig
from sebilling_nftables.faults import Unanswered


@dataclass(frozen=True, slots=True)
class Answer:
    """Exit status and output of a command."""

    status: int
    output: str
    errors: str


class Host(Protocol):
    """A machine to run commands on, one after the other."""

    async def connect(self) -> None:
        """Connect and log in. Raises DeviceError."""

    async def run(self, command: Sequence[str], text: str = "") -> Answer:
        """Run a command with this input, and wait for its end. Raises Unanswered if it was begun, and DeviceError if not."""

    async def close(self) -> None:
        """Disconnect. Never raises."""


class LocalHost:
    """The machine on which SeBilling runs."""

    def __init__(self, config: NftablesConfig) -> None:
        self._timeout_seconds = config.timeout_seconds

    async def connect(self) -> None:
        """Do nothing: it is here."""

    async def run(self, command: Sequence[str], text: str = "") -> Answer:
        """Run a command. Raises DeviceError if it can't be started, Unanswered if it takes too long."""
        environment = {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin", "LC_ALL": "C"}
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
        except OSError as error:
            why = Sentence(
                f"`{command[0]}` can't be started ({error.strerror}): `apt install nftables iproute2`.",
                f"`{command[0]}` tidak bisa dijalankan ({error.strerror}): `apt install nftables iproute2`.",
            )
            raise DeviceError(Fault.SETUP, why, retryable=False) from None
        try:
            async with asyncio.timeout(self._timeout_seconds):
                output, errors = await process.communicate(text.encode())
        except TimeoutError:
            why = Sentence(f"`{command[0]}` didn't end in time.", f"`{command[0]}` tidak selesai tepat waktu.")
            raise Unanswered(Fault.TIMEOUT, why, retryable=True) from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return Answer(process.returncode or 0, output.decode(errors="replace"), errors.decode(errors="replace"))

    async def close(self) -> None:
        """Do nothing."""
