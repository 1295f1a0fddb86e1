"""Faults of devices: where their secrets go, what is connected to, who comes first on them; sweeps beside others, reasons of blocks."""

from typing import Final

from tests.mutants.fault import Fault

DESTINATIONS: Final = ("tests/isolation/test_destinations.py",)
ORDER: Final = ("tests/isolation/test_order.py",)
KIT: Final = ("tests/plugins/test_conformance.py",)
REASONS: Final = ("tests/isolation/test_reasons.py",)
SWEEP: Final = ("tests/concurrency/test_sweep.py",)

FAULTS: Final = (
    # --- secrets -----------------------------------------------------------------------------------------------------------
    Fault(
        "a-stored-secret-goes-anywhere", "plugins/destinations.py",
        "    if changed and kept:\n", "    if changed and not kept:\n", DESTINATIONS,
    ),
    Fault(
        "what-declares-nothing-is-no-destination", "plugins/destinations.py",
        "if declared(field) is not False and not is_secret(field)", 'if declared(field) == "host" and not is_secret(field)', DESTINATIONS,
    ),
    Fault(
        "stars-count-as-a-secret-that-was-entered", "network/devices.py",
        "demand_secrets(current, new, _without_stars(config, current))", "demand_secrets(current, new, config)", DESTINATIONS,
    ),
    Fault(
        "a-secret-in-a-list-is-no-secret", "plugins/destinations.py",
        "    elif isinstance(value, list | tuple):\n        for number, element in enumerate(value):\n            yield from secrets_in(",
        "    elif isinstance(value, list | set):\n        for number, element in enumerate(value):\n            yield from secrets_in(",
        DESTINATIONS,
    ),
    Fault(
        "an-event-tells-the-password-in-an-address", "plugins/destinations.py",
        "text = text.replace(secret, _STARS)", "text = text.replace(_STARS, secret)", DESTINATIONS,
    ),
    Fault(
        "the-kit-lets-an-address-be-no-destination", "plugins/conformance/secrecy.py",
        "if declared(field) is False and _sounds_like_one(name)", "if declared(field) is None and _sounds_like_one(name)", KIT,
    ),
    # --- addresses ---------------------------------------------------------------------------------------------------------
    Fault(
        "only-what-is-typed-is-looked-at", "plugins/networks.py",
        "    if error is not None:\n        refused.append(error)\n", "    if error is not None and refused:\n", DESTINATIONS,
    ),
    Fault(
        "an-address-in-an-address-hides", "plugins/networks.py",
        "        ways = (address, *_within(address))\n", "        ways: tuple[Address, ...] = (address,)\n", DESTINATIONS,
    ),
    Fault(
        "in-a-lab-our-own-database-is-a-device", "plugins/networks.py",
        "if port is not None and self._is_own(address, port):", "if port == 0 and self._is_own(address, port):", DESTINATIONS,
    ),
    Fault("a-path-may-lead-back", "plugins/networks.py", 'return ".." not in path and any(', "return any(", DESTINATIONS),
    # --- order -------------------------------------------------------------------------------------------------------------
    Fault(
        "blocks-before-restores", "network/reconcile.py",
        '" ORDER BY desired, service_access.next_at, service_access.id LIMIT :most"',
        '" ORDER BY service_access.next_at, service_access.id LIMIT :most"', ORDER,
    ),
    Fault(
        "who-waits-longest-may-come-last", "network/reconcile.py",
        "[current[row.id] for row in rows if row.id in current]", "[current[row_id] for row_id in sorted(current)]", ORDER,
    ),
    Fault(
        "devices-in-any-order", "network/reconcile.py",
        "AND desired_generation > observed_generation AND desired = 'ACTIVE') NULLS LAST,",
        "AND desired_generation > observed_generation AND desired = 'BLOCKED') NULLS LAST,", ORDER,
    ),
    # --- sweeps ------------------------------------------------------------------------------------------------------------
    Fault(
        "sweep-locks-every-block", "billing/isolation/sweep.py",
        " AND NOT EXISTS (SELECT FROM overdue WHERE overdue.customer_id = service_access.customer_id)", "", SWEEP,
    ),
    Fault("two-sweeps-at-once", "billing/isolation/sweep.py", "    await session.execute(_WAIT)\n", "", SWEEP),
    # --- reasons for blocks ------------------------------------------------------------------------------------------------
    Fault(
        "technicians-read-the-amount-of-a-reason", "schema/block_reasons.py",
        'read("Overdue amount when the block was decided; null unless OVERDUE.", COUNTERS)',
        'read("Overdue amount when the block was decided; null unless OVERDUE.", EVERYONE)', REASONS,
    ),
    Fault("reasons-in-english-for-everybody", "schema/block_reasons.py", ".in_(info.context.language)", '.in_("en")', REASONS),
    Fault(
        "note-is-a-template", "schema/block_reasons.py",
        'return sentence.format(block_on=root["block_on"], note=root["note"])',
        'return sentence.replace("{note}", root["note"] or "").format(block_on=root["block_on"])', REASONS,
    ),
    Fault(
        "persons-sentence-is-parsed", "db/migrations/versions/0020_block_reasons.py",
        "WHERE desired = 'BLOCKED' AND NOT manual AND sentence", "WHERE desired = 'BLOCKED' AND sentence", REASONS,
    ),
    Fault(
        "reason-kept-after-a-restore", "db/sql/isolation.sql", "block_reason = NULL, block_on = NULL,", "", REASONS,
    ),
)  # fmt: skip
