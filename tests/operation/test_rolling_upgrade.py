"""A new version takes the place of the old one, server by server, under payments: none fails, and nobody notices but by what is new.

The new version is a copy of this one with the change of docs/changing.md that adds a field to customers: a migration, a column, a field
of the schema. The old servers go on with the migrated database. Runs with SEBILLING_TEST_FAILOVERS, as it needs the same cluster.
"""

import asyncio
import os
import sys
from pathlib import Path

import httpx
import pytest

from tests.changes import Tree, add_a_field_to_customers
from tests.operation.clerks import at_work, token_of
from tools.cluster.cluster import Cluster

pytestmark = pytest.mark.skipif("SEBILLING_TEST_FAILOVERS" not in os.environ, reason="SEBILLING_TEST_FAILOVERS isn't set")
NEW = {"query": "{ customers(first: 1) { nodes { latitudeMicrodegrees } } }"}


@pytest.mark.crash
async def test_no_payment_fails_while_servers_are_replaced(cluster: Cluster, tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    add_a_field_to_customers(tree)
    async with at_work(cluster, clerks=8, pause_seconds=0.02) as office, httpx.AsyncClient(base_url=cluster.network.url) as http:
        headers = {"Authorization": f"Bearer {await token_of(http, 'admin')}"}
        assert (await http.post("/graphql", json=NEW, headers=headers)).json()["errors"], "the old version doesn't know it"
        await asyncio.to_thread(cluster.migrate, tree.folder)
        await asyncio.sleep(2)
        for name in (*cluster.servers, *cluster.workers):
            await asyncio.to_thread(cluster.replace, name, tree.folder)
            await asyncio.sleep(2)
        for _ in range(3):  # one for each server, in turn
            answer = (await http.post("/graphql", json=NEW, headers=headers)).json()
            assert answer == {"data": {"customers": {"nodes": [{"latitudeMicrodegrees": None}]}}}
    slowest = max(done - began for clerk in office.clerks for began, done in clerk.waited)
    replaced = f"{len(cluster.servers)} servers and {len(cluster.workers)} workers replaced"
    sys.stdout.write(f"{replaced}, {office.payments} payments, slowest {slowest:.2f} s\n")
    assert [(clerk.sent_again, clerk.refused) for clerk in office.clerks] == [(0, set())] * len(office.clerks), "a payment failed"
    assert all(program.is_running for program in (*cluster.servers.values(), *cluster.workers.values()))
