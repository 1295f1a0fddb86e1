"""Loading plugins, one by one: what one does wrong stops neither another nor the application, and is shown with its error."""

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
from sebilling.logs import get_logger
from sebilling.plugins import hookspecs
from sebilling.plugins.contract import API, DeviceConfig, IsolationDriver
from sebilling.plugins.executor import PluginExecutor
from sebilling.plugins.networks import Networks

_log = get_logger(__name__)
HOOK_SECONDS: Final = 10.0
"""A hook that takes longer is left behind; a thread that it blocks stays blocked, others go on."""


class PluginStatus(StrEnum):
    """Whether a plugin works."""

    ACTIVE = "ACTIVE"
    FAILED = "FAILED"
    DISABLED = "DISABLED"


@dataclass(frozen=True, slots=True)
class Plugin:
    """What became of loading a plugin. `error` is in words, empty unless it FAILED."""

    name: str
    distribution: str
    version: str
    status: PluginStatus
    error: str = ""
    drivers: tuple[str, ...] = ()


class PluginError(Exception):
    """Why a plugin can't be used."""


class Plugins:
    """The loaded plugins, their drivers by kind, and their hooks."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self.plugins: list[Plugin] = []
        self.drivers: dict[str, type[IsolationDriver[Any]]] = {}
        self.networks = Networks()
        """What drivers may connect to; a deployment's own rules are set when its parts are wired."""
        self._executors: dict[str, PluginExecutor] = {}

    @classmethod
    def load(cls, *, disabled: Iterable[str] = (), points: Iterable[EntryPoint] | None = None) -> "Plugins":
        """Load what is installed (or `points`), by name, but for those `disabled`."""
        found, off = cls(), frozenset(disabled)
        for point in sorted(entry_points(group=PLUGIN_GROUP) if points is None else points, key=lambda one: one.name):
            found._add(point, disabled=point.name in off)
        return found

    def _add(self, point: EntryPoint, *, disabled: bool) -> None:
        name = point.name
        origin = (point.dist.name, point.dist.version) if point.dist is not None else ("", "")
        if disabled:
            self.plugins.append(Plugin(name, *origin, PluginStatus.DISABLED))
            return
        try:
            drivers = self._registered(name, point)
        except BaseException as error:  # whatever an import may do, SystemExit among it
            if isinstance(error, KeyboardInterrupt):
                raise
            self._manager.set_blocked(name)
            told = str(error) if isinstance(error, PluginError) else in_words(error)
            self.plugins.append(Plugin(name, *origin, PluginStatus.FAILED, told))
            _log.error("plugin_failed", plugin=name, error=told, exc_info=not isinstance(error, PluginError))
            return
        self.drivers |= drivers
        self.plugins.append(Plugin(name, *origin, PluginStatus.ACTIVE, drivers=tuple(sorted(drivers))))

    def _registered(self, name: str, point: EntryPoint) -> Mapping[str, type[IsolationDriver[Any]]]:
        module = _in_time(point.load, "its import")
        version = getattr(module, "SEBILLING_PLUGIN_API", None)
        if not (isinstance(version, tuple) and len(version) == 2 and version[0] == API[0] and version[1] <= API[1]):
            raise PluginError(f"it is made for the plugin API {version}, this is {API}: install a version of it for this SeBilling.")
        self._manager.register(module, name)
        try:
            self._manager.check_pending()
            asked = self._manager.subset_hook_caller("sebilling_drivers", self._others(module))
            return dict(self._checked(_in_time(asked, "its sebilling_drivers")))
        except BaseException:
            self._manager.unregister(name=name)
            raise

    def _others(self, module: object) -> list[object]:
        return [one for one in self._manager.get_plugins() if one is not module]

    def _checked(self, answers: Iterable[Iterable[Any]]) -> Iterator[tuple[str, type[IsolationDriver[Any]]]]:
        seen: set[str] = set()
        for driver in (one for answer in answers for one in answer):
            if not (inspect.isclass(driver) and issubclass(driver, IsolationDriver)) or inspect.isabstract(driver):
                raise PluginError(f"{driver!r} is no driver: derive it from IsolationDriver and write every method.")
            kind, model = driver.kind, driver.config_model
            if not issubclass(model, DeviceConfig):
                raise PluginError(f"{kind}: config_model must be derived from DeviceConfig.")
            if kind in self.drivers or kind in seen:
                raise PluginError(f"there is a driver of the kind {kind} already: choose another name.")
            seen.add(kind)
            yield kind, driver

    def hooked(self, hooks: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """The active plugins that have any of these hooks, each with those that it has."""
        wanted = frozenset(hooks)
        having = {
            name: wanted.intersection(caller.name for caller in self._manager.get_hookcallers(module) or ())
            for name, module in self._manager.list_name_plugin()
            if module is not None
        }
        return {name: found for name, found in sorted(having.items()) if found}

    async def call(self, name: str, hook: str, **arguments: Any) -> None:
        """Call one plugin's hook within HOOK_SECONDS, in a thread and on a loop of its own; nothing if it has none of that name.

        Raises whatever it raises, SystemExit among it, TimeoutError, or PluginUnresponsive.
        """
        module = self._manager.get_plugin(name)
        if module is None or not hasattr(module, hook):
            return
        caller = self._manager.subset_hook_caller(hook, self._others(module))
        executor = self._executors.setdefault(name, PluginExecutor(name))
        await executor.run(functools.partial(caller, **arguments), seconds=HOOK_SECONDS)

    async def tell(self, hook: str, **arguments: Any) -> Mapping[str, str]:
        """Call a hook of each plugin in turn; gives the errors by plugin."""
        errors: dict[str, str] = {}
        for name in self.hooked([hook]):
            try:
                await self.call(name, hook, **arguments)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it does, the next plugin has its turn
                errors[name] = in_words(error)
                _log.error("hook_failed", plugin=name, hook=hook, exc_info=error)
        return errors

    async def close(self) -> None:
        """End the plugins' loops."""
        for executor in self._executors.values():
            await executor.close()


def in_words(error: BaseException) -> str:
    """What went wrong, in a line: the error's class and what it says."""
    return "".join(traceback.format_exception_only(error)).strip()


def _in_time(call: Callable[[], Any], what: str) -> Any:
    """What `call` gives, from a thread of its own. Raises PluginError if it takes longer than a hook may: the thread is left behind."""
    done: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            done.put((call(), None))
        except BaseException as error:  # noqa: BLE001 - SystemExit too is only this plugin's end
            done.put((None, error))

    threading.Thread(target=work, name="sebilling-plugin", daemon=True).start()
    try:
        answer, error = done.get(timeout=HOOK_SECONDS)
    except queue.Empty:
        raise PluginError(f"{what} didn't end within {HOOK_SECONDS:.0f} seconds: mend it, or switch it off.") from None
    if error is not None:
        raise error
    return answer
