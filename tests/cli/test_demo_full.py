"""`sebilling demo --full`: three kinds of devices at once, in a process of its own with nothing but what `make demo` installs."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sebilling_radius.testing import freeradius_problem

from tests.commands import without_settings

ISOLIR = "Framed-Pool isolir-pool, Mikrotik-Address-List ISOLIR, Mikrotik-Rate-Limit 512k/512k"
PATIENCE_SECONDS = 120


class Place:
    """Where demos run. Programs that they start, and files that those need, are known by the folder for temporary files."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self.folder, self.temporary = folder, temporary
        (folder / "asyncssh.py").write_text('raise ImportError("it is for tests alone")\n')
        kept = without_settings()
        path = os.pathsep.join([str(folder), *filter(None, [kept.get("PYTHONPATH")])])
        self.environment = kept | {"SEBILLING_VAR": str(folder / "var"), "TMPDIR": str(temporary), "PYTHONPATH": path}

    @contextmanager
    def demo(self, *arguments: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
        command = [sys.executable, "-m", "sebilling.cli", "demo", "--full", *arguments]
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts behind itself ignore it
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder, env=self.environment | environment
        ) as demo:
            signal.signal(signal.SIGINT, before)
            try:
                yield demo
            finally:
                demo.terminate()  # unless it has ended; else a test that fails would wait for ever

    def told(self, *arguments: str, **environment: str) -> Any:
        """The JSON of a demo that ends well."""
        with self.demo("--once", "--json", *arguments, **environment) as demo:
            out, errors = demo.communicate(timeout=300)
        assert demo.returncode == 0, out + errors
        return json.loads(out)

    def left(self) -> list[str]:
        """Programs and files that are still there."""
        mark = str(self.temporary).encode()
        programs = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes()
            except OSError:
                continue
            programs += [words.replace(b"\0", b" ").decode()] * (mark in words)
        return programs + [str(path) for path in self.temporary.iterdir()]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """The rig's servers run as another user if root starts it: they must get to their files."""
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        yield Place(tmp_path, Path(temporary))


def results(figures: Any) -> dict[str, str]:
    return {step["step"]: step["result"] for step in figures["steps"]}


def need_freeradius() -> None:
    if (problem := freeradius_problem()) and os.environ.get("CI") == "true":
        pytest.fail(problem)
    elif problem:
        pytest.skip(problem)


def assert_right(figures: Any) -> None:
    devices = figures["devices"]
    for name in ("blocked", "restored", "wronglyBlocked"):
        assert figures[name] == sum(device[name] for device in devices)
    for device in devices:
        assert device["blocked"] > device["restored"] > 0, device
        assert 0 < device["restoreSeconds"] <= figures["restoreSeconds"]
    assert (figures["wronglyBlocked"], figures["invariantViolations"], figures["issuedAgain"]) == (0, 0, 0)


def test_three_kinds_at_once(place: Place) -> None:
    need_freeradius()
    figures = place.told("--customers", "180")
    assert_right(figures)
    assert [(one["kind"], one["customers"], one["restored"]) for one in figures["devices"]] == [
        ("mikrotik.pppoe", 60, 3), ("radius.group", 60, 3), ("olt.zte", 60, 3),
    ]  # fmt: skip
    router, radius, olt = results(figures)["go online again"].splitlines()
    assert re.fullmatch(r"p\d{6}@lkt0\d: no address list; blocked: address list ISOLIR; restored: no address list", router)
    plan = re.fullmatch(rf"p\d{{6}}@lkt0\d: (Framed-IP-Address 10\.64\.0\.\d+, (.*)); blocked: {re.escape(ISOLIR)}; restored: (.*)", radius)
    assert plan is not None, radius
    assert plan[1] == plan[3]
    assert plan[2] in {f"Mikrotik-Rate-Limit {speed}" for speed in ("5M/10M", "10M/20M", "25M/50M", "50M/100M")}
    assert re.fullmatch(r"1/1/\d+:\d+: ONU enabled; blocked: ONU disabled; restored: ONU enabled", olt)
    assert place.left() == []


def test_without_freeradius_the_story_says_so(place: Place) -> None:
    figures = place.told("--customers", "60", SEBILLING_TEST_FREERADIUS_CONFIG="/nowhere")
    assert_right(figures)
    assert [(one["kind"], one["customers"]) for one in figures["devices"]] == [("mikrotik.pppoe", 30), ("olt.zte", 30)]
    said = results(figures)["connect FreeRADIUS"]
    assert said.startswith("left out: ")
    assert "install" in said


ENDS = [(signal.SIGTERM, "radiusd.conf"), (signal.SIGINT, "password")]
"""Signals, and what is there when they come. The first ordinarily, all in a campaign."""


@pytest.mark.parametrize(("sign", "sight"), ENDS if os.environ.get("SEBILLING_TEST_CAMPAIGN") == "1" else ENDS[:1])
def test_whoever_ends_it_in_the_middle_leaves_nothing(place: Place, sign: signal.Signals, sight: str) -> None:
    need_freeradius()
    with place.demo("--once", "--json", "--customers", "60") as demo:
        until(lambda: demo.poll() is not None or [*place.temporary.rglob(sight)], "the rig isn't made")
        demo.send_signal(sign)
        out, errors = demo.communicate(timeout=180)
    assert demo.returncode == (130 if sign is signal.SIGINT else 143), out + errors
    assert out == ""
    assert place.left() == []


def test_devices_live_as_long_as_it_serves(place: Place) -> None:
    with place.demo("--customers", "60", "--port", "0") as demo:
        assert demo.stdout is not None
        said = ""
        for line in demo.stdout:
            said += line
            if "Ctrl-C to stop" in line:
                break
        found, password = re.search(r"GraphiQL: (\S+)/graphql", said), re.search(r"admin\s+│ (\S+)", said)
        assert found is not None, said
        assert password is not None, said
        with httpx.Client(base_url=found[1]) as http:
            pay_on_each_device(Asking(http, password[1]))
        demo.send_signal(signal.SIGINT)
        out, errors = demo.communicate(timeout=180)
    assert demo.returncode == 0, errors
    assert "The demo ends." in out
    assert place.left() == []


class Asking:
    """The admin of a demo that serves."""

    def __init__(self, http: httpx.Client, password: str) -> None:
        self._http = http
        self._headers: dict[str, str] = {}
        token = self("mutation In($input: SignInInput!) { signIn(input: $input) { token } }", username="admin", password=password)
        self._headers = {"Authorization": f"Bearer {token['token']}"}

    def __call__(self, document: str, **given: object) -> Any:
        asked = {"query": document, "variables": {"input": given} if given else {}}
        answer = self._http.post("/graphql", json=asked, headers=self._headers).json()
        assert "errors" not in answer, answer
        return next(iter(answer["data"].values()))


def pay_on_each_device(ask: Asking) -> None:
    """Somebody who is still cut pays, on each device, and is read back as given back."""
    listed = "{ serviceAccesses(first: 200) { nodes { id desired actual inSync device { kind } customer { id outstanding } } } }"
    cut = {one["device"]["kind"]: one for one in ask(listed)["nodes"] if one["desired"] == "BLOCKED"}
    assert cut.keys() == {"mikrotik.pppoe", "olt.zte"} | ({"radius.group"} if not freeradius_problem() else set())
    for number, one in enumerate(cut.values()):
        owed = one["customer"]
        paid = ask(
            "mutation Pay($input: RecordPaymentInput!) { recordPayment(input: $input) { errors { message } } }",
            customerId=owed["id"], amount=owed["outstanding"], method="QRIS", idempotencyKey=f"afterwards-{number}",
        )  # fmt: skip
        assert paid == {"errors": []}
    wanted = {one["id"] for one in cut.values()}

    def back() -> bool:
        return all(one["inSync"] and one["actual"] == "ACTIVE" for one in ask(listed)["nodes"] if one["id"] in wanted)

    until(back, "who paid isn't given back")


def until(done: Callable[[], object], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def test_the_demo_needs_no_plugin_to_be_imported() -> None:
    statement = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('sebilling_mikrotik', 'sebilling_radius', 'sebilling_olt')))\n"
        "from sebilling.demo import month, network\n"
        "assert network.kinds(full=False) == []\n"
        "assert all('installed' in kind.problem() for kind in network.kinds(full=True))\n"
    )
    done = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
