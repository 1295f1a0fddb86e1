"""A NAS in this process, for use without FreeRADIUS: answers Disconnect and CoA as configured, with pyrad's packets."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Final, Self

from pyrad.packet import CoAACK, CoANAK, CoAPacket, DisconnectACK, DisconnectNAK, DisconnectRequest

from sebilling_radius.packets import dictionary

ACK: Final = 0
SILENT: Final = -1


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with a valid authenticator."""

    disconnect: bool
    user_name: str
    session_id: str
    attributes: dict[str, Any]


class Receiver(asyncio.DatagramProtocol):
    """`async with Receiver(secret) as nas:` serves on 127.0.0.1, `nas.port`.

    `answer` returns, or resolves to, for each request ACK, SILENT or the Error-Cause of a NAK; a NAK of 1 has none. Requests with a
    wrong authenticator are dropped, as the standard requires. `lies` makes it sign its answers with another secret.
    """

    def __init__(
        self,
        secret: str,
        answer: Callable[[Asked], int | Awaitable[int]] = lambda _asked: ACK,
        *,
        lies: bool = False,
        address: str = "127.0.0.1",
    ) -> None:
        self.secret, self.answer, self.lies, self.address = secret, answer, lies, address
        self.asked: list[Asked] = []
        self.dropped = 0
        self.port = 0
        self.most_at_once = 0
        self.delay_seconds = 0.0
        self._at_once = 0
        self._replies: set[asyncio.Task[None]] = set()
        self._words = dictionary()
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(self.address, self.port))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._transport is not None:
            self._transport.close()
        for task in self._replies:
            task.cancel()
        await asyncio.gather(*self._replies, return_exceptions=True)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Handle one request."""
        packet = CoAPacket(packet=data, dict=self._words, secret=self.secret.encode())
        if not packet.VerifyCoARequest() or not packet.message_authenticator or not packet.verify_message_authenticator():
            self.dropped += 1
            return
        known = {str(name): packet[name] for name in packet.keys() if isinstance(name, str)}  # noqa: SIM118 - its iteration yields codes
        asked = Asked(packet.code == DisconnectRequest, known["User-Name"][0], known.get("Acct-Session-Id", [""])[0], known)
        self.asked.append(asked)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        task = asyncio.get_running_loop().create_task(self._reply(packet, asked, addr))
        self._replies.add(task)
        task.add_done_callback(self._replies.discard)

    async def _reply(self, packet: Any, asked: Asked, addr: tuple[str, int]) -> None:
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        self._at_once -= 1
        answer = self.answer(asked)
        cause = await answer if isawaitable(answer) else answer
        if cause == SILENT or self._transport is None or self._transport.is_closing():
            return
        reply = packet.CreateReply()
        if cause == ACK:
            reply.code = DisconnectACK if asked.disconnect else CoAACK
        else:
            reply.code = DisconnectNAK if asked.disconnect else CoANAK
            if cause > 1:
                reply["Error-Cause"] = cause
        if self.lies:
            reply.secret = b"another " + self.secret.encode()
        self._transport.sendto(reply.ReplyPacket(), addr)
