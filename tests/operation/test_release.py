"""What a release says of itself is true, and can be checked by whoever gets it; the same commit gives the same wheels."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.release.__main__ import LICENCES, NAMESPACE, ROOT, Unfit, build, licences, sign, without_chance, write_sums

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def done(folder: Path, *words: str, told: str = "") -> int:
    return subprocess.run(words, cwd=folder, input=told, text=True, capture_output=True, check=False).returncode


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen isn't there: apt install openssh-client")
def test_sums_and_their_signature_are_checked_by_the_machines_own_tools(tmp_path: Path) -> None:
    release, keys = tmp_path / "dist", tmp_path / "keys"
    release.mkdir()
    keys.mkdir()
    (release / "sebilling-1.whl").write_bytes(b"a wheel")
    assert done(keys, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key") == 0
    (keys / "allowed_signers").write_text(f"rilis {(keys / 'key.pub').read_text()}")
    write_sums(release)
    sign(release / "SHA256SUMS", keys / "key")
    verify = re.findall(
        r"^ssh-keygen -Y verify (.*) < SHA256SUMS$", (ROOT / "docs" / "releases.md").read_text(encoding="utf-8"), re.MULTILINE
    )[0]
    words = ["ssh-keygen", "-Y", "verify", *verify.replace("allowed_signers", str(keys / "allowed_signers")).split()]
    assert NAMESPACE in words
    sums = (release / "SHA256SUMS").read_text()
    assert (done(release, *words, told=sums), done(release, "sha256sum", "--check", "SHA256SUMS")) == (0, 0)
    (release / "sebilling-1.whl").write_bytes(b"another wheel")
    assert done(release, "sha256sum", "--check", "SHA256SUMS") != 0
    write_sums(release)
    assert done(release, *words, told=(release / "SHA256SUMS").read_text()) != 0, "the sums of something else, with the old signature"


def test_every_package_that_is_installed_has_a_licence() -> None:
    installed = json.loads(subprocess.run([sys.executable, "-c", LICENCES], capture_output=True, text=True, check=True).stdout)
    wanted = {name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", LOCK, re.MULTILINE)}
    ours = [row for row in installed if row[0].lower().replace("_", "-") in wanted]
    assert len(ours) > 40
    table = licences(ours)
    assert re.search(r"^\| librouteros \| .* \| .*GPL.* \|$", table, re.MULTILINE)
    with pytest.raises(Unfit, match="nobody-knows"):
        licences([["nobody-knows", "1", ""]])


def test_a_bill_of_materials_has_nothing_of_chance() -> None:
    bill = {
        "bomFormat": "CycloneDX",
        "serialNumber": "urn:uuid:1",
        "metadata": {"timestamp": "2026-01-01", "component": {}},
        "components": [],
    }
    assert without_chance(bill) == {"bomFormat": "CycloneDX", "metadata": {"component": {}}, "components": []}


@pytest.mark.skipif(os.environ.get("SEBILLING_TEST_CAMPAIGN") != "1", reason="builds everything twice: make campaign")
def test_the_same_commit_gives_the_same_wheels(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        build(tmp_path / name)
        write_sums(tmp_path / name)
    first, second = ((tmp_path / name / "SHA256SUMS").read_text() for name in ("first", "second"))
    assert len(first.splitlines()) == 6
    assert first == second
