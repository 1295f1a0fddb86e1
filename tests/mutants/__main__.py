"""Plant each fault in a copy of the tree, run the tests that must notice, tell who did: `python -m tests.mutants [NAME…] [--jobs 2]`.

The copy is made once, before anything runs, so that whoever edits the tree meanwhile changes nothing here. A test that fails without
any fault proves nothing: at the end every test that caught something must pass on the clean copy.
"""

import argparse
import compileall
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.fault import Fault
from tests.mutants.faults import FAULTS

ROOT = Path(__file__).parents[2]
COPIED = ("sebilling", "tests", "pyproject.toml")
MAX_SECONDS = 300
MAX_SECONDS_OF_ALL = 2_400
ENVIRONMENT = {"SEBILLING_TEST_MACHINE_RUNS": "8", "SEBILLING_TEST_MACHINE_STEPS": "120", "SEBILLING_TEST_MACHINE_SEED": "0"}
# A fault that doesn't even run would be noticed by any test, and proves nothing.
_NONSENSE = re.compile(
    r"^E .*\b(SyntaxError|NameError|AttributeError|TypeError|ImportError|ProgrammingError|PostgresSyntaxError|Undefined\w+Error"
    r"|DatatypeMismatchError|InvalidFunctionDefinitionError)\b.*", re.MULTILINE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run: CAUGHT, SURVIVED, or BROKEN, which proves nothing; by which test, or why."""

    verdict: str
    told: str
    seconds: float
    output: str


def run(tree: Path, tests: Sequence[str], *, most_seconds: int = MAX_SECONDS) -> Outcome:
    """Run the tests in the tree, until the first one fails."""
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "--color=no", "-p", "no:cacheprovider", *tests],
            cwd=tree, env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(tree)}, capture_output=True, text=True, check=False,
            timeout=most_seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome("BROKEN", f"took more than {most_seconds} s", time.monotonic() - began, "")
    return Outcome(*judged(done.returncode, done.stdout), time.monotonic() - began, done.stdout + done.stderr)


def passes(clean: Path, tests: Sequence[str]) -> Outcome:
    """The tests without any fault; once more if one fails: some measure times, and the machine may have been busy."""
    first = run(clean, tests, most_seconds=MAX_SECONDS_OF_ALL)
    return first if first.verdict == "SURVIVED" else run(clean, tests, most_seconds=MAX_SECONDS_OF_ALL)


def judged(code: int, output: str) -> tuple[str, str]:
    """The verdict, and by whom or why. Only a test that failed by itself has caught anything: not a fixture, not the collection."""
    failed = re.findall(r"^FAILED (\S+)", output, re.MULTILINE)
    # not what was logged as one, nor what is left behind by a test that has failed already
    errors = [told for told in re.findall(r"^ERROR (tests/.*)", output, re.MULTILINE) if told.partition(" - ")[0] not in failed]
    if code == 0:
        return "SURVIVED", "no test failed"
    if nonsense := _NONSENSE.search(output):
        return "BROKEN", nonsense[0]
    if code != 1 or errors or not failed:
        return "BROKEN", f"pytest ended with {code}: {' '.join(errors)}"
    return "CAUGHT", failed[0]


def plant(fault: Fault, tree: Path) -> None:
    """Make the mistake in this tree. Raises ValueError if its place isn't there exactly once."""
    path = tree / "sebilling" / fault.file
    content = path.read_text(encoding="utf-8")
    if content.count(fault.old) != 1:
        raise ValueError(f"{fault.name}: the old text is {content.count(fault.old)} times in {fault.file}")
    path.write_text(content.replace(fault.old, fault.new), encoding="utf-8")


def attempt(fault: Fault, clean: Path) -> Outcome:
    """The fault in a copy of its own; tells the line."""
    with tempfile.TemporaryDirectory(prefix=f"mutant-{fault.name}-") as folder:
        tree = Path(shutil.copytree(clean, Path(folder) / "tree"))
        plant(fault, tree)
        outcome = run(tree, fault.tests)
    how = f"caught by {outcome.told}" if outcome.verdict == "CAUGHT" else f"{outcome.verdict}: {outcome.told}"
    tell(f"{fault.name:36} {how}, {outcome.seconds:.1f} s")
    return outcome


def tell(line: str) -> None:
    """A line for the console."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Gives the exit code: 1 if a fault survived or is broken, or the tests don't pass without any."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="plant these faults only")
    parser.add_argument("--jobs", type=int, default=2, help="faults at a time")
    given = parser.parse_args()
    if unknown := set(given.names) - {fault.name for fault in FAULTS}:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    faults = [fault for fault in FAULTS if not given.names or fault.name in given.names]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        clean = Path(folder) / "clean"
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, clean / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules", ".venv"))
            else:
                shutil.copy2(ROOT / name, clean / name)
        whence = subprocess.run(
            [sys.executable, "-c", "import sebilling; print(sebilling.__file__)"],
            cwd=tempfile.gettempdir(), env={**os.environ, "PYTHONPATH": str(clean)}, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        if not Path(whence.strip()).is_relative_to(clean):
            raise RuntimeError(f"tests would not run the copy but {whence}")
        compileall.compile_dir(clean, quiet=2)  # once, for all the copies
        with ThreadPoolExecutor(given.jobs) as pool:
            outcomes = list(pool.map(lambda fault: attempt(fault, clean), faults))
            # without its parameters, whose names may have spaces
            catchers = sorted({outcome.told.partition("[")[0] for outcome in outcomes if outcome.verdict == "CAUGHT"})
            parts = [part for place in range(given.jobs) if (part := catchers[place :: given.jobs])]
            for baseline in pool.map(lambda part: passes(clean, part), parts):
                if baseline.verdict != "SURVIVED":
                    tell(f"this fails without any fault too: {baseline.told}\n{baseline.output}")
                    return 1
        tell(f"{'(no fault)':36} each of the {len(catchers)} tests that caught one passes")
    caught = [outcome.verdict for outcome in outcomes].count("CAUGHT")
    tell(f"caught/planted: {caught}/{len(faults)} in {time.monotonic() - began:.0f} s")
    return int(caught < len(faults))


if __name__ == "__main__":
    sys.exit(main())
