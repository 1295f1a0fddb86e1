"""HTTP client of benchmarks, with as little work as possible: the server is what is measured."""

import asyncio
import re

import orjson

from bench.place import PASSWORD


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def post(document: str, token: str | None = None, **variables: object) -> bytes:
    body = orjson.dumps({"query": document, "variables": variables})
    sign_in = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"POST /graphql HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n{sign_in}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def once(address: str, request: bytes) -> bytes:
    reader, writer = await connection(address)
    body = await answer(reader, writer, request)
    writer.close()
    return body


async def connection(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port), limit=1 << 22)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """Send a request and read the response body, with as little work as possible: the server is what is measured."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    body = await reader.readexactly(int(length[1]) if length else 0)
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError((head + body).decode())
    return body


async def token(address: str, username: str) -> str:
    document = "mutation($i: SignInInput!) { signIn(input: $i) { token } }"
    answer = orjson.loads(await once(address, post(document, i={"username": username, "password": PASSWORD})))
    return str(answer["data"]["signIn"]["token"])
