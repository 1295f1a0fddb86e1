"""A new version takes the place of the old one, server by server, under payments: none fails, and nobody notices but by what is new.

The new version is a copy of this one with the change of docs/changing.md that adds a field to customers: a migration, a column, a field
of the schema. The old servers go on with the migrated database. Runs with SEBILLING_TEST_FAILOVERS, as it needs the same cluster.
"""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.changes import Tree, add_a_field_to_customers
from tests.operation.clerks import at_work, signed_in
from tools.cluster.cluster import Cluster

pytestmark = pytest.mark.skipif(
    "SEBILLING_TEST_FAILOVERS" not in os.environ, reason="needs Debian's programs of a cluster: make campaign ARGS=operation"
)
NEW = "{ customers(first: 1) { nodes { latitudeMicrodegrees } } }"


@pytest.mark.crash
async def test_no_payment_fails_while_servers_are_replaced(cluster: Cluster, tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    add_a_field_to_customers(tree)
    async with at_work(cluster, clerks=8, pause_seconds=0.04) as office, signed_in(cluster) as admin:
        with pytest.raises(AssertionError, match="latitudeMicrodegrees"):  # the old version doesn't know it
            await admin.ask(NEW)
        await asyncio.to_thread(cluster.migrate, tree.folder)
        await asyncio.sleep(2)
        for name in (*cluster.servers, *cluster.workers):
            await asyncio.to_thread(cluster.replace, name, tree.folder)
            await asyncio.sleep(2)
        for _ in range(3):  # one for each server, in turn
            assert await admin.ask(NEW) == {"nodes": [{"latitudeMicrodegrees": None}]}
    slowest = max(done - began for clerk in office.clerks for began, done in clerk.waited)
    replaced = f"{len(cluster.servers)} servers and {len(cluster.workers)} workers replaced"
    sys.stdout.write(f"{replaced}, {office.payments} payments, slowest {slowest:.2f} s\n")
    assert [(clerk.sent_again, clerk.refused) for clerk in office.clerks] == [(0, set())] * len(office.clerks), "a payment failed"
    assert all(program.is_running for program in (*cluster.servers.values(), *cluster.workers.values()))
