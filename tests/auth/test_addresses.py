"""Where a request comes from: nobody says so themselves, only a proxy that is trusted does."""

import pytest

from sebilling.auth.addresses import Origin, networks, origin

PROXIES = networks("10.0.0.0/8, 192.168.1.5, fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.7"], "203.0.113.9"),  # a stranger may say what they like
        ("10.1.2.3", ["198.51.100.7"], "198.51.100.7"),
        ("10.1.2.3", ["1.2.3.4, 198.51.100.7"], "198.51.100.7"),  # what the client put there itself stands further left
        ("10.1.2.3", ["1.2.3.4", "198.51.100.7, 10.9.9.9"], "198.51.100.7"),
        ("10.1.2.3", ["198.51.100.7, nonsense"], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.7, nonsense, 10.9.9.9"], "10.9.9.9"),
        ("10.1.2.3", [""], "10.1.2.3"),
        ("10.1.2.3", ["1.2.3.4," * 5_000 + "198.51.100.7"], "198.51.100.7"),
        ("10.1.2.3", ["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
        ("192.168.1.5", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("192.168.1.6", ["198.51.100.7"], "192.168.1.6"),
        ("::ffff:10.1.2.3", ["198.51.100.7"], "198.51.100.7"),
        ("::ffff:203.0.113.9", [], "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", [], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::1", [], "2001:db8:1:2::/64"),
        (None, ["198.51.100.7"], "unknown"),
        ("", [], "unknown"),
        ("testclient", [], "unknown"),
    ],
)
def test_the_address(peer: str | None, forwarded: list[str], network: str) -> None:
    assert origin(peer, "http", forwarded, "", PROXIES).network == network


@pytest.mark.parametrize(
    ("peer", "scheme", "proto", "secure"),
    [("203.0.113.9", "http", "https", False), ("203.0.113.9", "https", "", True), ("10.1.2.3", "http", "https", True),
     ("10.1.2.3", "http", "http", False), ("10.1.2.3", "http", "https, http", False), ("10.1.2.3", "http", "", False)],
)  # fmt: skip
def test_whether_it_came_by_tls(peer: str, scheme: str, proto: str, *, secure: bool) -> None:
    assert origin(peer, scheme, [], proto, PROXIES) == Origin(peer, secure)


@pytest.mark.parametrize("given", ["10.0.0.1/8", "nonsense", "10.0.0.0/40"])
def test_a_setting_that_is_no_network_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=given.partition("/")[0]):
        networks(given)
