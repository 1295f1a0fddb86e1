"""Throttle a simple queue: it stays enabled with a low `max-limit`, as disabling it would remove the limit."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field
from sebilling.plugins.contract import NOT_A_DESTINATION, Fault, InvalidValue, Job, Sentence, indonesian

from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.device import is_yes
from sebilling_mikrotik.rates import PAIR, pair_bps, ref_bps, written
from sebilling_mikrotik.rows import RowDriver, View
from sebilling_mikrotik.session import Row


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
    title: ClassVar[Sentence] = Sentence("MikroTik simple queue (throttle)", "Simple queue MikroTik (kecepatan dibatasi)")
    config_model: ClassVar[type[QueueConfig]] = QueueConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"QUEUE": Sentence("name of the simple queue", "nama simple queue")}
    menu: ClassVar[str] = "/queue/simple"
    saved: ClassVar[tuple[str, ...]] = ("max-limit", "disabled")

    def blocked_fields(self) -> Mapping[str, str]:
        return {"max-limit": self.config.throttle}

    def equal(self, field_name: str, first: str | None, second: str | None) -> bool:
        if field_name == "max-limit" and first and second:  # 64k and 64000 are the same speed
            return first == second or (pair_bps(first) is not None and pair_bps(first) == pair_bps(second))
        return super().equal(field_name, first, second)

    def target(self, view: View, job: Job) -> tuple[Mapping[str, str], Sentence | None]:
        target, message = super().target(view, job)
        if not job.plan_changed:
            return target, message
        speed = ref_bps(job.ref)
        if speed is None:
            return target, Sentence(
                "The plan's speed isn't known: restored with the speed from before.",
                "Kecepatan paketnya tidak diketahui: dipulihkan dengan kecepatan sebelumnya.",
            )
        return {"max-limit": written(speed)}, message

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
        return ()
