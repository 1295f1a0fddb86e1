"""What the benchmarks keep: the record of a run, and its plot."""

import socket
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest

from bench import peers, plot, record
from bench.result import Result

SVG = "{http://www.w3.org/2000/svg}"


def results() -> list[Result]:
    return [
        Result.of_rounds("page", size, [3.0, 1.0, 2.0], [1.0, 4.0, 9.0], reference_name="<raw>", unit="requests/s", connections=connections)
        for size in (50, 500)
        for connections in (32, 1)
    ]


def test_a_run_is_appended_with_its_spread_and_nothing_that_names_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    record.record("page", results())
    file = record.record("page", results())
    lines = file.read_bytes().splitlines()
    assert len(lines) == 2
    assert socket.gethostname() not in lines[1].decode()
    assert str(Path.home()) not in lines[1].decode()
    run = orjson.loads(lines[1])
    assert run["machine"]["cores"] > 0
    assert run["machine"]["memoryMb"] > 100
    assert run["results"][0]["oursSpread"] == {"min": 1.0, "median": 2.0, "max": 3.0}
    assert run["results"][0]["referenceSpread"] == {"min": 1.0, "median": 4.0, "max": 9.0}
    assert run["results"][0]["ratio"] == 0.5


def test_a_figure_of_one_run_has_no_spread() -> None:
    assert Result("pay", 16, 1.0, 2.0, "allowed", "ms").as_json()["oursSpread"] is None


def test_the_plot_has_a_bar_for_each_server_in_each_group(tmp_path: Path) -> None:
    plot.write(tmp_path / "page.svg", "Pages", results())
    drawn = ElementTree.parse(tmp_path / "page.svg").getroot()  # noqa: S314 - our own file
    bars = [float(bar.attrib["height"]) for bar in drawn.iter(f"{SVG}rect")][1:]
    servers, groups = 2, 4
    assert len(bars) == servers + servers * groups  # the legend's, too
    # the reference at 500 rows is the highest; ours is half of it, and a tenth at a tenth of the rows with as many requests
    assert bars[servers:][-2:] == [130.0, 260.0]
    assert bars[servers:][:2] == [13.0, 26.0]
    assert "<raw>" in [text.text for text in drawn.iter(f"{SVG}text")]


def test_without_npm_the_peer_is_left_out_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_MODULES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(peers.PeerUnavailable, match="Install Node with npm"):
        peers.install()


def test_the_peers_lock_names_no_registry() -> None:
    assert '"resolved"' not in (peers.FOLDER / "package-lock.json").read_text(encoding="utf-8")
