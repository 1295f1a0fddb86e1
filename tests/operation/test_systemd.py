"""The units that are written: systemd itself reads them, and finds them closed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sebilling.operation import systemd
from tests import commands

MOST_EXPOSED = 3.0
WITH_SYSTEMD = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze isn't installed (Debian: systemd)")


@pytest.fixture(params=[False, True], ids=["one unit", "servers and workers"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> list[Path]:
    words = ["setup", "systemd", "--into", str(tmp_path), *(["--separate"] if request.param else [])]
    done = commands.run(words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "systemctl enable --now sebilling" in done.stdout
    return sorted(tmp_path.glob("*.service"))


@WITH_SYSTEMD
def test_systemd_understands_them_and_finds_them_closed(written: list[Path]) -> None:
    for path in written:
        name = path.with_name(path.name.replace("@", "@8000")) if "@" in path.name else path
        read = subprocess.run(["systemd-analyze", "verify", str(name)], capture_output=True, text=True, check=False, timeout=60)
        assert [line for line in read.stderr.splitlines() if "sebilling" in line] == []
        rated = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", str(path)], capture_output=True, text=True, check=False, timeout=60
        )
        level = re.search(r"Overall exposure level for [^:]{1,80}: ([0-9.]{1,5})", rated.stdout)
        assert level is not None, rated.stdout + rated.stderr
        assert float(level[1]) <= MOST_EXPOSED


def test_they_start_this_installation_and_stop_it_so_that_payments_end(written: list[Path]) -> None:
    for path in written:
        text = path.read_text()
        assert f"ExecStart={systemd.program()} " in text
        assert "KillMode=mixed" in text
        stop = re.search(r"^TimeoutStopSec=([0-9]{1,4})$", text, re.MULTILINE)
        assert stop is not None
        assert int(stop[1]) > 30, "a server answers what it has begun, for 10 s, and then ends its database"
    assert systemd.program().exists()


def test_a_folder_of_backups_may_be_written_to(tmp_path: Path) -> None:
    for folder, wanted in ((Path("/srv/backups"), ["ReadWritePaths=/srv/backups"]), (None, [])):
        (unit,) = systemd.units(systemd.program(), separate=False, backups=folder)
        assert [line for line in unit.text.splitlines() if line.startswith("ReadWritePaths")] == wanted


def test_a_program_that_their_user_cannot_reach_is_told(tmp_path: Path) -> None:
    closed = tmp_path / "root" / "bin"
    closed.mkdir(parents=True)
    tmp_path.chmod(0o755)
    assert systemd.is_open_to_others(Path("/usr/bin/env"))
    (tmp_path / "root").chmod(0o700)
    assert not systemd.is_open_to_others(closed / "sebilling")


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    done = commands.run(["setup", "systemd", "--into", str(tmp_path / "none")], folder=tmp_path)
    assert (done.returncode, "run it as root" in done.stderr) == (1, True), done.stderr
