"""A real router, if there is one. Reads only.

SEBILLING_TEST_LIVE_ROUTEROS=host:port, …_USER, …_PASSWORD, and …_CA with the CA's PEM itself; without it, no TLS.
"""

import os

import pytest

from sebilling_mikrotik import PppoeDriver, read_profiles, read_secrets

from .conftest import context

WHERE = os.environ.get("SEBILLING_TEST_LIVE_ROUTEROS", "")


@pytest.mark.skipif(not WHERE, reason="no real router: set SEBILLING_TEST_LIVE_ROUTEROS=host:port")
async def test_a_real_router_is_probed_and_read() -> None:
    host, _, port = WHERE.rpartition(":")
    authority = os.environ.get("SEBILLING_TEST_LIVE_ROUTEROS_CA")
    config = PppoeDriver.config_model.model_validate(
        {
            "host": host, "port": int(port), "tls": authority is not None, "ca_pem": authority,
            "username": os.environ["SEBILLING_TEST_LIVE_ROUTEROS_USER"], "password": os.environ["SEBILLING_TEST_LIVE_ROUTEROS_PASSWORD"],
        }
    )  # fmt: skip
    health = await PppoeDriver(config, context()).probe()
    print(health)
    assert health.reachable
    assert all("password" not in row for row in await read_secrets(config, context()))
    assert any(row["name"] == "default" for row in await read_profiles(config, context()))
