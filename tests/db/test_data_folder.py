"""A data folder that was copied, moved or restored is refused with what to do; never does a copy work on the original's database."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sebilling.db.data_folder import StrangeFolder, adopt
from tests.commands import run
from tests.db.test_embedded import ROOT, data_dir, holding, query, remove_with_link, starting, url_from

__all__ = ["data_dir"]
"""A fixture."""


def made(folder: Path) -> None:
    with starting(folder) as url:
        query(url, "CREATE TABLE payment (id bigint)", "INSERT INTO payment VALUES (7)", "SELECT 1")


def refused(folder: Path, *, own: bool = True) -> str:
    with pytest.raises(StrangeFolder) as caught, starting(folder, own=own):
        pass
    assert caught.value.code == "DATABASE_UNAVAILABLE"
    assert caught.value.message("id") != str(caught.value)
    return str(caught.value)


def copied(folder: Path, name: str) -> Path:
    to = folder.with_name(name)
    subprocess.run(["cp", "-a", folder, to], check=True)
    return to


def test_a_moved_folder_is_refused_until_it_is_adopted(data_dir: Path) -> None:
    made(data_dir)
    moved = data_dir.rename(data_dir.with_name("moved"))
    for own in (True, False):
        assert f"moved from {data_dir}" in refused(moved, own=own)
    assert adopt(moved)
    with starting(moved) as url:
        assert query(url, "SELECT id FROM payment") == [7]
    assert not adopt(moved)
    moved.rename(data_dir)


def test_a_copied_folder_is_refused_until_it_is_adopted(data_dir: Path) -> None:
    made(data_dir)
    copy = copied(data_dir, "copy")
    assert "copied or restored from" in refused(copy)
    assert adopt(copy)
    with starting(copy) as url, starting(data_dir) as original:
        assert url != original
        query(url, "DELETE FROM payment", "SELECT 1")
        assert query(original, "SELECT id FROM payment") == [7]


def test_a_copy_of_a_running_servers_data_is_never_taken(data_dir: Path) -> None:
    with holding(data_dir) as owner:
        query(url_from(owner), "CREATE TABLE payment (id bigint)", "SELECT 1")
        copy = copied(data_dir, "copy")
    assert "copied or restored" in refused(copy)
    with pytest.raises(StrangeFolder, match="sebilling backup"):
        adopt(copy)


def test_restored_over_itself_it_is_noticed_too(data_dir: Path) -> None:
    made(data_dir)
    copy = copied(data_dir, "copy")
    shutil.rmtree(data_dir)
    copy.rename(data_dir)
    assert "copied or restored" in refused(data_dir)


def test_a_link_to_the_folder_is_the_folder(data_dir: Path) -> None:
    made(data_dir)
    link = data_dir.with_name("link")
    link.symlink_to(data_dir)
    with starting(link) as url:
        assert query(url, "SELECT id FROM payment") == [7]


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """Where only root gets to, so that the data lies elsewhere behind a link."""
    folder = tmp_path / "root"
    folder.mkdir(mode=0o700)
    yield folder / "var" / "postgres"
    remove_with_link(folder / "var" / "postgres")


@pytest.mark.skipif(not ROOT, reason="only root's data lies behind a link")
def test_a_copy_of_roots_folder_never_writes_to_the_live_database(closed: Path) -> None:
    made(closed)
    assert (closed / "server").is_symlink()
    copy = copied(closed, "copy")
    with holding(closed) as owner:
        url_from(owner)
        for own in (True, False):
            told = refused(copy, own=own)
            assert "only the link" in told
            assert "sebilling backup" in told
        with pytest.raises(StrangeFolder, match="only the link"):
            adopt(copy)
    moved = closed.rename(closed.with_name("moved"))
    assert "moved from" in refused(moved)
    assert adopt(moved), "the original is gone: the link is its only one now"
    with starting(moved) as url:
        assert query(url, "SELECT id FROM payment") == [7]
    moved.rename(closed)


def test_the_command_says_what_it_did(data_dir: Path) -> None:
    made(data_dir)
    moved = data_dir.rename(data_dir.with_name("x")).parent.rename(data_dir.parent.with_name("var2"))
    (moved / "x").rename(moved / "postgres")
    done = [run(["database", "adopt"], folder=moved, SEBILLING_VAR=str(moved)) for _ in range(2)]
    assert [one.returncode for one in done] == [0, 0]
    assert ["now" in done[0].stdout, "already" in done[1].stdout] == [True, True]
