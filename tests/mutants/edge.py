"""Faults of what stands at the edge: the log, connections, addresses, clocks that were ahead."""

from typing import Final

from tests.mutants.fault import Fault

PATHS: Final = ("tests/attacks/test_long_paths.py",)
PATTERNS: Final = ("tests/test_budget.py",)
FLOODS: Final = ("tests/attacks/test_error_floods.py",)
SLOW: Final = ("tests/attacks/test_slow_connections.py",)
AHEAD: Final = ("tests/attacks/test_clock_ahead.py",)
SPOOFED: Final = ("tests/attacks/test_spoofed_address.py",)
CLOCK: Final = ("tests/isolation/test_wrong_clock.py",)
FAILURES: Final = ("tests/auth/test_failures.py",)

FAULTS: Final = (
    Fault("each-letter-may-begin-an-address", "logs.py", "[a-z0-9+.-]{0,30}://", "[a-z0-9+.-]*://", PATTERNS),
    Fault("fields-of-any-length-are-logged", "logs.py", "MAX_FIELD_CHARACTERS: Final = 200", "MAX_FIELD_CHARACTERS: Final = 2_000", PATHS),
    Fault("every-traceback-is-printed", "logs.py", "return count.seen <= TRACEBACKS_PER_MINUTE", "return True", FLOODS),
    Fault("nobody-tells-what-was-kept-back", "logs.py", "if count.seen > TRACEBACKS_PER_MINUTE]", "if count.seen < 0]", FLOODS),
    Fault("a-head-has-no-deadline", "connections.py", "now - self.since >= limits.head_seconds", "now < self.since", SLOW),
    Fault(
        "an-answer-may-be-taken-for-ever", "connections.py",
        'return "answer" if self._answer_stalls(limits, now) else ""', 'return ""', SLOW,
    ),
    Fault("nobody-makes-way", "connections.py", "if crowd is not None and not self._makes_way(crowd):", "if crowd is not None:", SLOW),
    Fault(
        "one-address-takes-all-connections", "connections.py",
        "len(self._by_network.get(network, ())) >= self._limits.per_address", "len(self._open) < 0",
        ("tests/attacks/test_slow_connections.py::test_an_address_has_its_share_of_the_connections_and_no_more",),
    ),
    Fault("the-proxy-is-bound-like-a-client", "connections.py", "and not addresses.is_trusted(peer, self._limits.proxies)", "", SPOOFED),
    Fault("empty-lines-keep-a-connection", "server.py", "if known.phase is Phase.IDLE:  #", "if not known:  #", SLOW),
    Fault("a-clock-ahead-fills-limits-for-ever", "auth/attempts.py", "kept.empty_at > at + 2 * within OR", "", AHEAD),
    Fault(
        "a-clock-ahead-spoils-codes-for-ever", "auth/totp.py",
        "return kept if kept <= step_at(at) + _AHEAD else 0", "return kept", AHEAD,
    ),
    Fault("a-clock-ahead-stops-devices", "network/reconcile.py", "(next_at <= :at OR next_at >", "(next_at <= :at AND next_at <", AHEAD),
    Fault("a-clock-ahead-blocks-a-day-early", "network/worker.py", "await clocks.check(engine.database)", "pass", CLOCK),
    Fault("a-run-by-hand-trusts-any-clock", "schema/isolation.py", "    await clocks.check(info.context.parts.database)\n", "", CLOCK),
    Fault("a-workers-clock-is-not-told", "db/leases.py", "if wrong != told:", "if wrong < told:", CLOCK),
    Fault("a-head-goes-alone", "server.py", "self._head = data\n                return", "pass", ("tests/test_server.py",)),
    Fault("what-the-question-took-is-a-wrong-clock", "db/clocks.py", "return min(0.0, ", "return min(99.0, ", ("tests/db/test_clocks.py",)),
    Fault("who-lacks-the-code-is-not-told", "auth/sign_in.py", 'CodeNeeded: "code missing"', 'CodeNeeded: "code"', FAILURES),
)  # fmt: skip
