"""The commands of docs/operations.md, as they are written there; and workers that are seen, at work or hanging."""

import asyncio
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from sebilling.cli import operation
from sebilling.db.engine import Database
from tests import commands
from tests.harness import SECRET_KEY, Isp
from tests.isolation.routers import console, said
from tests.processes import workers

ROOT = Path(__file__).parents[2]


def documented() -> list[list[str]]:
    """The lines of the backup chapter's shell blocks."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    chapter = text.partition("## Backups")[2].partition("\n## ")[0]
    return [shlex.split(line) for block in re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL) for line in block.splitlines()]


async def run(words: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(lambda: commands.run(words[1:], folder=Path.cwd(), **environment))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where backups go."""
    tmp_path.chmod(0o711)  # for the embedded server's user
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


async def test_backup_and_restore_work_as_written(committed: Database, tmp_path: Path, folder: Path) -> None:
    isp = await Isp.make(committed)
    await isp.pay(await isp.customer(), 50_000)
    old = {"SEBILLING_DATABASE_URL": committed.url, "SEBILLING_SECRET_KEY": SECRET_KEY, "SEBILLING_VAR": str(tmp_path / "old")}
    new = {"SEBILLING_SECRET_KEY": SECRET_KEY, "SEBILLING_VAR": str(tmp_path / "new")}
    assert [words[:2] for words in documented()] == [["sebilling", "backup"], ["sebilling", "restore"], ["sebilling", "check"]]
    writing, restoring, checking = documented()
    done = await run([word.replace("/srv/backups", str(folder)) for word in writing], **old)
    assert done.returncode == 0, done.stderr
    assert "The secret key isn't in it" in done.stdout
    (file,) = await asyncio.to_thread(lambda: list(folder.glob("sebilling-*.zip")))
    done = await run([word.replace("/srv/backups/sebilling-TIME.zip", str(file)) for word in restoring], **new)
    assert done.returncode == 0, done.stderr
    assert "were restored" in done.stdout
    done = await run(checking, **new)
    assert done.returncode == 0, done.stdout + done.stderr
    done = await run([word.replace("/srv/backups/sebilling-TIME.zip", str(file)) for word in restoring], **new)
    assert (done.returncode, "in use already" in done.stderr) == (1, True)


async def test_workers_are_seen_at_work_and_hanging(committed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look() -> tuple[bool, str]:
        out, errors = console(), console()
        return await operation.show_workers(committed, out, errors, here=True), said(out) + said(errors)

    assert not (await look())[0]
    with workers(committed.url, 1) as (worker,):
        for _ in range(400):
            if (await look())[0]:
                break
            await asyncio.sleep(0.1)
        seen, told = await look()
        assert (seen, f" {worker.process.pid}: last sign" in told) == (True, True)
        worker.process.send_signal(signal.SIGSTOP)
        try:
            monkeypatch.setattr(operation, "HOLD_SECONDS", 1)
            await asyncio.sleep(3)
            seen, told = await look()
            assert (seen, "hangs" in told) == (False, True)
        finally:
            worker.process.send_signal(signal.SIGCONT)
