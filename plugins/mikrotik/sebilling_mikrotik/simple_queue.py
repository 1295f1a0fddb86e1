"""Throttle a simple queue: it stays enabled with a low `max-limit`, as disabling it would remove the limit.

A burst would exceed the throttle, and RouterOS refuses a `limit-at` above the `max-limit`; so all of them are set together. FastTrack
takes connections past every queue.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import ClassVar, Final

from pydantic import Field
from sebilling.plugins.contract import (
    NOT_A_DESTINATION,
    DeviceError,
    Fault,
    InvalidValue,
    Job,
    Outcome,
    Quality,
    Ref,
    Sentence,
    Usage,
    indonesian,
)

from sebilling_mikrotik.bulk import Change
from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.device import is_yes
from sebilling_mikrotik.firewall import fasttracked, read_firewall
from sebilling_mikrotik.profiles import NO_SPEED
from sebilling_mikrotik.rates import PAIR, pair_bps, ref_bps, scaled, written
from sebilling_mikrotik.rows import RowDriver
from sebilling_mikrotik.session import Row
from sebilling_mikrotik.usage import queue_usage
from sebilling_mikrotik.views import Online, View

_SPEEDS: Final = ("limit-at", "burst-limit", "burst-threshold")
"""Pairs of speeds that are in a ratio to the `max-limit`."""
_NO_BURST: Final = {**dict.fromkeys(_SPEEDS, "0/0"), "burst-time": "0s/0s"}


class QueueConfig(RouterConfig, frozen=True):
    """Settings of the router, and the speed of a blocked customer."""

    throttle: str = Field(
        default="64k/64k",
        pattern=PAIR,
        description="max-limit of a blocked customer, upload/download. 0 means no limit and is refused.",
        json_schema_extra=indonesian(
            "Kecepatan isolir",
            "max-limit pelanggan yang diisolir, unggah/unduh. 0 berarti tanpa batas dan ditolak.",
            NOT_A_DESTINATION,
        ),
    )

    def model_post_init(self, _context: object) -> None:
        """Refuse a limit of 0, which means unlimited."""
        if 0 in (pair_bps(self.throttle) or (0,)):
            raise InvalidValue(
                "throttle: 0 means no limit at all; give a small speed such as 64k/64k",
                "throttle: 0 berarti tanpa batas; isi kecepatan kecil seperti 64k/64k",
            )


class QueueDriver(RowDriver[QueueConfig]):
    """Block by `/queue/simple`."""

    kind: ClassVar[str] = "mikrotik.queue"
    quality: ClassVar[Quality] = Quality.GOLD
    title: ClassVar[Sentence] = Sentence("MikroTik simple queue (throttle)", "Simple queue MikroTik (kecepatan dibatasi)")
    config_model: ClassVar[type[QueueConfig]] = QueueConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"QUEUE": Sentence("name of the simple queue", "nama simple queue")}
    menu: ClassVar[str] = "/queue/simple"
    saved: ClassVar[tuple[str, ...]] = ("max-limit", *_NO_BURST, "disabled")
    looked_at: ClassVar[tuple[str, ...]] = ("target",)

    def blocked_fields(self) -> Mapping[str, str]:
        return {"max-limit": self.config.throttle, **_NO_BURST}

    def equal(self, field_name: str, first: str | None, second: str | None) -> bool:
        if field_name in {"max-limit", *_SPEEDS} and first and second:  # 64k and 64000 are the same speed
            return first == second or (pair_bps(first) is not None and pair_bps(first) == pair_bps(second))
        return super().equal(field_name, first, second)

    async def view(self, refs: Sequence[Ref]) -> View:
        view, firewall = await asyncio.gather(super().view(refs), read_firewall(self.session))
        view.firewall = firewall
        for row in (row for rows in view.rows.values() for row in rows):
            row.update(_NO_BURST | row)  # RouterOS may leave out what isn't set
        blocked = [row for rows in view.rows.values() for row in rows if self._holds(row, self.blocked_fields())]
        view.passing = await fasttracked(self.session, firewall, [address for row in blocked for address in _addresses(row)])
        return view

    def gate(self, view: View) -> None:
        if view.firewall is not None and (problem := view.firewall.fasttrack_problem) is not None:
            raise DeviceError(Fault.SETUP, problem, retryable=False)

    def online(self, view: View, ref: Ref, row: Row) -> Online | None:
        del ref
        firewall = view.firewall
        if any(address in view.passing for address in _addresses(row)):
            return Online(Sentence("connections from before are in FastTrack", "koneksi sebelumnya masih di FastTrack"), endable=True)
        if firewall is not None and (problem := firewall.fasttrack_problem) is not None:
            return Online(problem)
        if (
            firewall is not None
            and firewall.gives_ipv6
            and (networks := list(_addresses(row)))
            and not any(":" in text for text in networks)
        ):
            return Online(
                Sentence(
                    "this router gives IPv6 and the queue's target has only an IPv4 address: add the customer's IPv6 prefix to the target",
                    "router ini memberi IPv6 dan target queue hanya alamat IPv4: tambahkan prefix IPv6 pelanggan ke target",
                )
            )
        return None

    async def kick(self, changes: Sequence[Change], *, restoring: bool) -> tuple[dict[int, frozenset[str]], dict[int, DeviceError]]:
        if restoring or not changes:
            return {}, {}
        view = await self.view([change.job.ref for change in changes])
        return {}, await self.end(
            [
                (change.job.ref.id, command)
                for change in changes
                for row in view.rows.get(change.job.ref.key, ())
                for address in _addresses(row)
                for command in view.passing.get(address, ())
            ]
        )

    def planned(self, view: View, row: Mapping[str, str], ref: Ref) -> Mapping[str, str] | Sentence:
        """The plan's speed as `max-limit`; `limit-at` and bursts keep their ratio to it."""
        del view
        if (speed := ref_bps(ref)) is None:
            return NO_SPEED
        before = pair_bps(row.get("max-limit", "")) or (0, 0)
        if before == speed:
            return {"max-limit": row.get("max-limit", "")}
        return {"max-limit": written(speed), **{name: scaled(row.get(name, ""), speed, before) for name in _SPEEDS}}

    def reclaimed(self, view: View, row: Row, ref: Ref) -> Mapping[str, str] | Sentence:
        del view, row  # a throttled queue doesn't tell its bursts from before
        return NO_SPEED if (speed := ref_bps(ref)) is None else {"max-limit": written(speed)}

    def target(self, view: View, job: Job) -> tuple[Mapping[str, str], Sentence | None]:
        target, message = super().target(view, job)
        if not job.plan_changed:
            return target, message
        fields = self.planned(view, job.snapshot, job.ref)
        if isinstance(fields, Sentence):
            return target, Sentence(
                "The plan's speed isn't known: restored with the speed from before.",
                "Kecepatan paketnya tidak diketahui: dipulihkan dengan kecepatan sebelumnya.",
            )
        return {**target, **fields}, message

    def judge_restore(self, view: View, job: Job) -> Outcome | Change:
        if job.snapshot:  # snapshots from before SeBilling 0.5 hold the max-limit alone
            job = replace(job, snapshot=_NO_BURST | dict(job.snapshot))
        return super().judge_restore(view, job)

    async def apply_plan(self, refs: Sequence[Ref]) -> AsyncIterator[Outcome]:
        """Set each active queue to its plan's speed, which takes effect at once."""
        jobs = [Job(ref, {}, plan_changed=True) for ref in refs]
        async for outcome in self._run(jobs, self.judge_plan, restoring=True):
            yield outcome

    async def read_usage(self) -> Sequence[Usage]:
        """Read the queues through which something flows now."""
        return queue_usage(await self.session.rows("/queue/simple/print", "=.proplist=name,target,rate,bytes", "?dynamic=false"))

    def unfit(self, row: Row) -> tuple[Fault, Sentence] | None:
        if is_yes(row.get("dynamic")):
            return (
                Fault.SETUP,
                Sentence(
                    "The queue is dynamic and can't be changed: block its owner instead.",
                    "Queue-nya dinamis dan tidak bisa diubah: isolir pemiliknya saja.",
                ),
            )
        if is_yes(row.get("disabled")):
            return (
                Fault.DRIFTED,
                Sentence(
                    "The queue is disabled, so it limits nothing: enable it on the router.",
                    "Queue-nya nonaktif, jadi tidak membatasi apa pun: aktifkan di router.",
                ),
            )
        return None

    async def setup_problems(self) -> Sequence[Sentence]:
        await self.session.rows("/queue/simple/print", "=.proplist=.id", "?name=")  # checks that the menu is readable
        problem = (await read_firewall(self.session)).fasttrack_problem
        return () if problem is None else (problem,)


def _addresses(row: Row) -> Iterator[str]:
    """Return the addresses of a queue's target, which may also name interfaces."""
    for part in row.get("target", "").split(","):
        try:
            yield str(ip_network(part, strict=False))
        except ValueError:
            continue
