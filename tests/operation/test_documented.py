"""The commands of docs/operations.md, as they are written there; and workers that are seen, at work or hanging."""

import asyncio
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from sebilling.cli import operation
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.network import devices
from sebilling.vault import vault_of
from tests import commands
from tests.harness import Isp
from tests.isolation.gear import plugins
from tests.isolation.routers import console, said
from tests.operation.manual import backup_commands
from tests.processes import workers


async def run(words: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(lambda: commands.run(words, folder=Path.cwd(), **environment))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where backups go."""
    tmp_path.chmod(0o711)  # for the embedded server's user
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


async def test_backup_and_restore_work_as_written(committed: Database, tmp_path: Path, folder: Path) -> None:
    """The old machine has a key file and a passphrase, the new one only the backup and the passphrase."""
    isp = await Isp.make(committed)
    await isp.pay(await isp.customer(), 50_000)
    passphrase = {"SEBILLING_BACKUP_PASSPHRASE": "empat kata yang diingat"}
    old = {"SEBILLING_DATABASE_URL": committed.url, "SEBILLING_VAR": str(tmp_path / "old")} | passphrase
    new = {"SEBILLING_VAR": str(tmp_path / "new")} | passphrase
    async with isp.write() as session:
        vault = vault_of(Settings(var=tmp_path / "old"))
        await devices.create(session, plugins(), vault, name="RB1", kind="test.gear", config={"gear": "one"})
    writing, *_ = backup_commands(folder)
    done = await run(writing, **old)
    assert done.returncode == 0, done.stderr
    _, verifying, restoring, checking, reconciling = backup_commands(folder)
    done = await run(verifying, **passphrase)
    assert (done.returncode, "restored whole" in done.stdout) == (0, True), done.stdout + done.stderr
    done = await run(restoring, **new | {"SEBILLING_BACKUP_PASSPHRASE": "tiga kata saja"})
    assert (done.returncode, "passphrase" in done.stderr) == (2, True), done.stderr
    bare = {"SEBILLING_VAR": new["SEBILLING_VAR"]}
    done = await run(verifying, **bare)
    assert (done.returncode, "secrets: RB1" in done.stderr) == (1, True), done.stderr
    done = await run(restoring, **bare)
    assert (done.returncode, "there is no other here" in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "new" / "secret.key").exists(), "a key that was made would stand in the way"
    (tmp_path / "new" / "secret.key").write_bytes(b"k" * 32)
    done = await run(restoring, **new)
    assert (done.returncode, "another key than the backup's" in done.stderr) == (2, True), done.stderr
    (tmp_path / "new" / "secret.key").unlink()
    done = await run(restoring, **new)
    assert (done.returncode, "were restored" in done.stdout) == (0, True), done.stderr
    assert (tmp_path / "new" / "secret.key").read_bytes() == (tmp_path / "old" / "secret.key").read_bytes()
    for words in (checking, reconciling):
        done = await run(words, **new)
        assert done.returncode == 0, done.stdout + done.stderr
    done = await run(restoring, **new)
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
