"""Addresses of a cluster's machines: those of deploy/cluster/, moved to a network of 127.0.0.0/8."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.cluster.programs import CannotStart

FILES: Final = Path(__file__).parents[2] / "deploy" / "cluster"
_WRITTEN: Final = "10.20.0"
"""The network in the files."""
_NETWORK: Final = re.compile(r"127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){2}")
DATABASES: Final = {"db1": 11, "db2": 12, "db3": 13}
SERVERS: Final = {"app1": 21, "app2": 22, "app3": 23}
WORKERS: Final = {"worker1": 31, "worker2": 32}
METRICS_PORT: Final = 9464
"""Of each server and worker."""
_PORTS: Final = {
    10: (5000, 5001, 8000), 11: (2379, 2380, 5432, 6432, 8008), 21: (8000, METRICS_PORT), 31: (METRICS_PORT,),
}  # fmt: skip
"""By the number of the first machine of a kind."""


@dataclass(frozen=True, slots=True)
class Network:
    """Three numbers, such as 127.83.0: the first three of all addresses."""

    prefix: str

    def __post_init__(self) -> None:
        if not _NETWORK.fullmatch(self.prefix):
            raise CannotStart(f"{self.prefix} isn't the beginning of a loopback network: write three numbers, such as 127.83.0.")

    def address(self, number: int) -> str:
        """The address of a machine."""
        return f"{self.prefix}.{number}"

    @property
    def proxy(self) -> str:
        """The address of HAProxy."""
        return self.address(10)

    @property
    def url(self) -> str:
        """Where clients find SeBilling."""
        return f"http://{self.proxy}:8000"

    def check(self) -> None:
        """Check that all ports are free. Raises CannotStart."""
        for number in (10, *DATABASES.values(), *SERVERS.values(), *WORKERS.values()):
            for port in _PORTS[number if number < 11 else number // 10 * 10 + 1]:
                with socket.socket() as trying:
                    trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        trying.bind((self.address(number), port))
                    except OSError as error:
                        why = error.strerror or type(error).__name__
                        remedy = "stop what listens there, or choose another network with --network 127.84.0"
                        raise CannotStart(f"{self.address(number)}:{port} can't be used ({why}): {remedy}.") from None

    def text(self, file: str) -> str:
        """A file of deploy/cluster/ as it is."""
        return (FILES / file).read_text(encoding="utf-8")

    def filled(self, text: str, replaced: Mapping[str, str]) -> str:
        """The text with these parts replaced, and moved to this network. Raises ValueError if a part isn't there."""
        for old, new in replaced.items():
            if old not in text:
                raise ValueError(f"{old} isn't in the file")
            text = text.replace(old, new)
        return text.replace(f"{_WRITTEN}.0/24", "127.0.0.0/8").replace(f"{_WRITTEN}.", f"{self.prefix}.")
