"""Checks that no secret leaks (in a log at DEBUG, an error, a text, the standard streams) or can be sent to another destination."""

# ruff: noqa: S101 - a check is an assertion
import contextlib
import inspect
import io
import logging
import traceback
from collections.abc import Iterator
from typing import Any, Final, get_args

from pydantic import BaseModel, SecretStr

from sebilling.plugins.conformance.world import Kit, World, gathered, jobs_of, made, session, snapshots_of
from sebilling.plugins.contract import DeviceError
from sebilling.plugins.destinations import declared, secrets_in

_ADDRESSES: Final = frozenset({"host", "hostname", "address", "ip", "url", "uri", "endpoint"})
_WAYS: Final = frozenset(
    {"port", "server", "proxy", "gateway", "transport", "tls", "ssl", "ca", "cert", "certificate", "fingerprint", "verify", "insecure"}
)


class Secrecy(Kit):
    """Checks of secrets."""

    def test_no_secret_is_told(self) -> None:
        """Through the whole life of a session, and when it fails."""
        self.run(_told)

    def test_settings_say_where_secrets_go(self) -> None:
        """No setting that affects where or how safely a secret goes is marked NOT_A_DESTINATION, and addresses are marked HOST."""
        self.run(_destinations)


@contextlib.contextmanager
def everything_said() -> Iterator[list[str]]:
    """Capture all log records from DEBUG up, of any logger, and printed output. Loggers with a level of their own keep it."""
    said: list[str] = []
    root, make = logging.getLogger(), logging.getLogRecordFactory()
    level, disabled = root.level, logging.root.manager.disable

    def record(*arguments: Any, **more: Any) -> logging.LogRecord:
        entry = make(*arguments, **more)
        said.append(logging.Formatter().format(entry) + repr(entry.args) + repr(entry.msg))
        return entry

    streams = io.StringIO()
    logging.setLogRecordFactory(record)
    root.setLevel(logging.DEBUG)
    logging.disable(logging.NOTSET)
    try:
        with contextlib.redirect_stdout(streams), contextlib.redirect_stderr(streams):
            yield said
    finally:
        logging.setLogRecordFactory(make)
        root.setLevel(level)
        logging.disable(disabled)
        said.append(streams.getvalue())


async def _told(world: World) -> None:
    wrong = made(world, **world.wrong_password)
    secrets = {*world.secrets, *(secret for _, secret in secrets_in(wrong.config))}
    assert secrets, "`secrets` is empty, so this check proves nothing: add a secret"
    told: list[object] = []
    with everything_said() as said:
        logging.getLogger("sebilling.conformance").debug("said")
        await _failures(world, wrong, told)
        await _session(world, told)
        told.append(await _error(wrong.open()))
        await wrong.close()
    assert said, "no log record was captured"
    leaks = [line for line in said if any(secret in line for secret in secrets)]
    assert not leaks, f"{len(leaks)} log records or printed lines hold a secret; one starts with {_stars(leaks[0], secrets)[:120]!r}"
    leaks = [text for answer in told for text in _texts(answer) if any(secret in text for secret in secrets)]
    assert not leaks, f"what the driver returns or raises holds a secret: {_stars(leaks[0], secrets)[:200]!r}"


async def _failures(world: World, wrong: Any, told: list[object]) -> None:
    told += [await _error(wrong.probe()), wrong, wrong.config]
    await wrong.close()
    await world.make_unreachable()
    dead = made(world)
    told += [await _error(dead.probe()), await _error(dead.open()), dead]
    await dead.close()
    await world.mend()


async def _session(world: World, told: list[object]) -> None:
    refs = [*world.refs, *([world.absent] if world.absent is not None else [])]
    jobs = await jobs_of(world, refs)
    async with session(world) as driver:
        told += [driver, await driver.probe(), *(await driver.snapshot(refs)).values()]
        for call in (driver.block, driver.block, driver.restore):
            told += [*(await gathered(call(jobs))), *(await driver.read_state(refs, snapshots_of(jobs))).values()]
            await world.settle()
    async with session(world) as driver:
        await world.cut_link_after(1, made=True)
        told += [*(await gathered(driver.block(jobs))), await _error(driver.read_state(refs, {}))]
    await world.mend()
    await world.settle()
    async with session(world) as driver:
        await world.break_reading(0)
        told += [await _error(driver.read_state(refs, {})), await _error(driver.snapshot(refs))]
    await world.mend()


async def _error(call: Any) -> object:
    """Result of the call, or the DeviceError that it raises."""
    try:
        return await call
    except DeviceError as error:
        return error


def _texts(answer: object) -> Iterator[str]:
    yield f"{answer!r} {answer}"
    if isinstance(answer, DeviceError):
        yield f"{answer.message} {answer.args!r}"
        yield "".join(traceback.format_exception(answer))


def _stars(text: str, secrets: set[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


async def _destinations(world: World) -> None:
    for name, field in world.driver.config_model.model_fields.items():
        if declared(field) is False and _sounds_like_one(name):
            raise AssertionError(f"{name} is marked NOT_A_DESTINATION, but a change could redirect the stored secrets: remove the mark")
        if declared(field) is None and name.lower().rpartition("_")[2] in _ADDRESSES:
            raise AssertionError(f"mark {name} as HOST, so that SeBilling checks the address before a secret is sent there")
        if declared(field) == "own" and not _holds_secrets(field.annotation):
            raise AssertionError(f"{name} is marked OWN_DESTINATION, but holds no secrets of its own: remove the mark")


def _sounds_like_one(name: str) -> bool:
    return not (_ADDRESSES | _WAYS).isdisjoint(name.lower().split("_"))


def _holds_secrets(annotation: object) -> bool:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return any(_holds_secrets(field.annotation) for field in annotation.model_fields.values())
    return annotation is SecretStr or any(_holds_secrets(argument) for argument in get_args(annotation))
