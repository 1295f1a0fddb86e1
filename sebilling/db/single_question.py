"""Asks a server on a Unix socket one thing, before there is an event loop or a pool. PostgreSQL's protocol 3.0; written here because
asyncpg is asynchronous and the embedded server's supervisor is a thread.
"""

import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import IO


def ask(server: Path, database: str, statement: str = "") -> tuple[str, str]:
    """Connect, execute the statement if any, disconnect. Blocks, for 5 s at most, or 60 s with a statement.

    `server` is its Unix socket. Returns the answer's SQLSTATE ("00000" for success) and message; no SQLSTATE if nothing answers.
    """
    hello = struct.pack("!I", 196608) + f"user\0sebilling\0database\0{database}\0\0".encode()  # protocol 3.0
    with socket.socket(socket.AF_UNIX) as connection, suppress(OSError):
        connection.settimeout(60 if statement else 5)
        connection.connect(str(server))
        with connection.makefile("rb") as stream:
            connection.sendall(struct.pack("!I", len(hello) + 4) + hello)
            answer = _answer(stream)
            if statement and answer[0] == "00000":
                connection.sendall(struct.pack("!cI", b"Q", len(statement) + 5) + statement.encode() + b"\0")
                answer = _answer(stream)
            return answer
    return "", "nothing answers"


def _answer(stream: IO[bytes]) -> tuple[str, str]:
    """Read up to ReadyForQuery ("00000") or the first ErrorResponse."""
    while len(head := stream.read(5)) == 5:
        kind, length = struct.unpack("!cI", head)
        body = stream.read(length - 4)
        if kind == b"Z":
            return "00000", ""
        if kind == b"E":
            fields = {field[:1]: field[1:].decode(errors="replace") for field in body.split(b"\0") if field}
            return fields.get(b"C", "XX000"), fields.get(b"M", "")
    return "", "it closed the connection"
