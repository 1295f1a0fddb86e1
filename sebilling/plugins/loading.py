"""Loading of plugins, one by one: a faulty plugin is shown with its error, and stops neither others nor the application."""

import functools
import inspect
import queue
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import pluggy

from sebilling.config import PLUGIN_GROUP
from sebilling.language import Sentence
from sebilling.logs import get_logger
from sebilling.plugins import hookspecs
from sebilling.plugins.contract import API, DeviceConfig, IsolationDriver
from sebilling.plugins.executor import UNRESPONSIVE, PluginExecutor
from sebilling.plugins.networks import Networks

_log = get_logger(__name__)
HOOK_SECONDS: Final = 10.0
"""Deadline of a hook. After that it is abandoned; a thread that it blocks stays blocked, others continue."""


class PluginStatus(StrEnum):
    """Whether a plugin works."""

    ACTIVE = "ACTIVE"
    FAILED = "FAILED"
    DISABLED = "DISABLED"


@dataclass(frozen=True, slots=True)
class Plugin:
    """Result of loading a plugin. `error` is for people, None unless it FAILED."""

    name: str
    distribution: str
    version: str
    status: PluginStatus
    error: Sentence | None = None
    drivers: tuple[str, ...] = ()


class PluginError(Exception):
    """Why a plugin can't be used."""

    def __init__(self, english: str, indonesian: str) -> None:
        super().__init__(english)
        self.why = Sentence(english, indonesian)


class Plugins:
    """The loaded plugins, their drivers by kind, and their hooks."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self.plugins: list[Plugin] = []
        self.drivers: dict[str, type[IsolationDriver[DeviceConfig]]] = {}
        self.networks = Networks()
        """Which addresses drivers may connect to; the deployment's rules are set at startup."""
        self._executors: dict[str, PluginExecutor] = {}

    @classmethod
    def load(cls, *, disabled: Iterable[str] = (), points: Iterable[EntryPoint] | None = None) -> "Plugins":
        """Load the installed plugins (or `points`), by name, except those `disabled`."""
        plugins, off = cls(), frozenset(disabled)
        for point in sorted(entry_points(group=PLUGIN_GROUP) if points is None else points, key=lambda each: each.name):
            plugins._add(point, disabled=point.name in off)
        return plugins

    def _add(self, point: EntryPoint, *, disabled: bool) -> None:
        name = point.name
        origin = (point.dist.name, point.dist.version) if point.dist is not None else ("", "")
        if disabled:
            self.plugins.append(Plugin(name, *origin, PluginStatus.DISABLED))
            return
        try:
            drivers = self._registered(name, point)
        except BaseException as error:  # an import may raise anything, including SystemExit
            if isinstance(error, KeyboardInterrupt):
                raise
            self._manager.set_blocked(name)
            why = error.why if isinstance(error, PluginError) else raised(in_words(error))
            self.plugins.append(Plugin(name, *origin, PluginStatus.FAILED, why))
            _log.error("plugin_failed", plugin=name, error=why.english, exc_info=not isinstance(error, PluginError))
            return
        self.drivers |= drivers
        self.plugins.append(Plugin(name, *origin, PluginStatus.ACTIVE, drivers=tuple(sorted(drivers))))

    def _registered(self, name: str, point: EntryPoint) -> Mapping[str, type[IsolationDriver[DeviceConfig]]]:
        module = _in_time(point.load, "import")
        version = getattr(module, "SEBILLING_PLUGIN_API", None)
        if not (isinstance(version, tuple) and len(version) == 2 and version[0] == API[0] and version[1] <= API[1]):
            raise PluginError(
                f"it is made for the plugin API '{version}', not {API}: install a version of it for this SeBilling.",
                f"dibuat untuk API plugin '{version}', bukan {API}: pasang versi yang cocok dengan SeBilling ini.",
            )
        self._manager.register(module, name)
        try:
            self._manager.check_pending()
            caller = self._manager.subset_hook_caller("sebilling_drivers", self._others(module))
            return dict(self._checked(_in_time(caller, "sebilling_drivers")))
        except BaseException:
            self._manager.unregister(name=name)
            raise

    def _others(self, module: object) -> list[object]:
        return [plugin for plugin in self._manager.get_plugins() if plugin is not module]

    def _checked(self, answers: Iterable[Iterable[Any]]) -> Iterator[tuple[str, type[IsolationDriver[DeviceConfig]]]]:
        seen: set[str] = set()
        for driver in (driver for answer in answers for driver in answer):
            if not (inspect.isclass(driver) and issubclass(driver, IsolationDriver)) or inspect.isabstract(driver):
                raise PluginError(
                    f"'{driver!r}' is no driver: derive it from IsolationDriver and implement every method.",
                    f"'{driver!r}' bukan driver: turunkan dari IsolationDriver dan isi semua metodenya.",
                )
            kind, model = driver.kind, driver.config_model
            if not issubclass(model, DeviceConfig):
                raise PluginError(
                    f"{kind}: config_model must be derived from DeviceConfig.", f"{kind}: config_model harus turunan DeviceConfig."
                )
            if kind in self.drivers or kind in seen:
                raise PluginError(
                    f"there is a driver of the kind {kind} already: choose another name.",
                    f"sudah ada driver dengan jenis {kind}: pilih nama lain.",
                )
            seen.add(kind)
            yield kind, driver

    def hooked(self, hooks: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """Active plugins that implement any of these hooks, each with those that it implements."""
        wanted = frozenset(hooks)
        implemented = {
            name: wanted.intersection(caller.name for caller in self._manager.get_hookcallers(module) or ())
            for name, module in self._manager.list_name_plugin()
            if module is not None
        }
        return {name: own for name, own in sorted(implemented.items()) if own}

    async def call(self, name: str, hook: str, **arguments: Any) -> None:
        """Call one plugin's hook within HOOK_SECONDS, in its own threads and loop. Does nothing if the plugin doesn't implement it.

        Raises whatever the hook raises, including SystemExit; TimeoutError; PluginUnresponsive.
        """
        module = self._manager.get_plugin(name)
        if module is None or not hasattr(module, hook):
            return
        caller = self._manager.subset_hook_caller(hook, self._others(module))
        executor = self._executors.setdefault(name, PluginExecutor(name))
        await executor.run(functools.partial(caller, **arguments), seconds=HOOK_SECONDS)

    async def close(self) -> None:
        """Stop the plugins' event loops."""
        for executor in self._executors.values():
            await executor.close()


def raised(error: str) -> Sentence:
    """Say that a plugin raised an error, whose own words are quoted."""
    if error == UNRESPONSIVE.english:
        return UNRESPONSIVE
    words = error.replace('"', "'")
    return Sentence(
        f'the plugin raised "{words}": look at the log, fix it, or disable it',
        f'plugin gagal dengan "{words}": lihat log, perbaiki, atau nonaktifkan',
    )


def in_words(error: BaseException) -> str:
    """One line about an error: its class and message."""
    return " ".join("".join(traceback.format_exception_only(error)).split())


def _in_time(call: Callable[[], Any], what: str) -> Any:
    """Execute `call` in a new thread. Raises PluginError after HOOK_SECONDS; the thread is then abandoned."""
    done: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            done.put((call(), None))
        except BaseException as error:  # noqa: BLE001 - SystemExit too must end only this plugin
            done.put((None, error))

    threading.Thread(target=work, name="sebilling-plugin", daemon=True).start()
    try:
        answer, error = done.get(timeout=HOOK_SECONDS)
    except queue.Empty:
        raise PluginError(
            f"its {what} didn't end within {HOOK_SECONDS:.0f} seconds: fix the plugin, or disable it.",
            f"{what} tidak selesai dalam {HOOK_SECONDS:.0f} detik: perbaiki pluginnya, atau nonaktifkan.",
        ) from None
    if error is not None:
        raise error
    return answer
