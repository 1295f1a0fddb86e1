"""The cluster on which servers are killed and replaced."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.cluster.addresses import Network
from tools.cluster.cluster import Cluster, running


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """One of the test's own, whose databases run."""
    folder = Path(tempfile.mkdtemp(prefix="sebilling-cluster-"))
    folder.chmod(0o711)
    try:
        with running(folder, Network(f"127.84.{os.getpid() % 250 + 1}")) as started:
            yield started
    finally:
        if "SEBILLING_TEST_KEEP" not in os.environ:
            shutil.rmtree(folder, ignore_errors=True)
