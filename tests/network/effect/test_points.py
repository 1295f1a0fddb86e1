"""Where it is proven that "blocked" is offline and "restored" is online: each way in which it wasn't, and the tests that would see it.

The tests stand beside the drivers they prove, with the traffic of their own simulator or of the real thing. This is the way to them, and
it fails when one of them is renamed or removed.
"""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
POINTS: Final = {
    "a NAS denies a live session": {
        "plugins/radius/tests/test_effect.py": ["test_a_nas_that_wants_to_see_more_than_the_name", "test_a_nas_that_denies_a_live_session"],
        "plugins/radius/tests/test_hidden.py": ["test_two_nases_behind_one_address_are_both_asked"],
    },
    "accounting is wrong, stale or missing": {
        "plugins/radius/tests/test_hidden.py": [
            "test_a_row_that_a_cleanup_closed_while_the_session_is_up", "test_a_session_without_any_row",
            "test_a_session_under_another_spelling", "test_a_second_look_after_an_interval",
        ],
        "plugins/radius/tests/test_probe.py": ["test_accounting_that_proves_nothing_is_told"],
    },
    "switched off by other means": {
        "plugins/radius/tests/test_effect.py": [
            "test_who_is_switched_off_by_a_group_stays_off", "test_who_is_rejected_in_radcheck_stays_off",
        ],
    },
    "undone on the device": {
        "tests/isolation/test_looks.py": ["test_who_was_unblocked_by_hand_is_blocked_again"],
        "tests/isolation/test_looks_at_scale.py": ["test_all_is_found_within_one_interval_by_one_read_of_each_router"],
        "plugins/nftables/tests/test_driver.py": ["test_after_a_restart_nobody_is_read_as_blocked_who_is_online"],
    },
    "a rule that is no wall": {
        "plugins/mikrotik/tests/test_effect.py": [
            "test_what_is_no_wall_blocks_nobody_and_the_printed_lines_mend_it",
            "test_a_rule_above_the_wall_lets_through_and_the_printed_line_mends_it",
        ],
        "plugins/nftables/tests/test_walls.py": ["test_a_wall_with_a_hole_is_told_and_what_is_printed_mends_it"],
        "plugins/nftables/tests/test_invented.py": ["test_whoever_is_behind_what_is_taken_for_a_wall_is_offline"],
    },
    "FastTrack": {
        "plugins/mikrotik/tests/test_effect.py": ["test_connections_from_before_in_fasttrack_are_ended"],
        "plugins/mikrotik/tests/test_queues.py": ["test_queues_need_fasttrack_off"],
    },
    "bursts of queues": {
        "plugins/mikrotik/tests/test_queues.py": ["test_a_burst_and_a_guaranteed_speed_go_with_the_block_and_come_back"],
    },
    "IPv6": {
        "plugins/mikrotik/tests/test_ipv6.py": [
            "test_a_session_with_ipv6_needs_a_garden_without_it", "test_an_ipv4_address_needs_the_ipv6_wall_too_where_customers_have_ipv6",
        ],
        "plugins/nftables/tests/test_driver.py": ["test_who_is_online_by_ipv6_isnt_read_as_blocked"],
    },
    "leases and services": {
        "plugins/mikrotik/tests/test_dhcp.py": ["test_a_bound_lease_is_online_until_it_expires"],
        "plugins/mikrotik/tests/test_services.py": ["test_a_tunnel_of_the_same_name_is_left_alone"],
    },
    "tables and templates of OLTs": {
        "plugins/olt/tests/test_tables.py": ["test_a_word_in_a_column_that_isnt_needed_hides_nobody"],
        "plugins/olt/tests/test_drivers.py": ["test_a_name_that_is_left_in_the_input_line_is_got_rid_of"],
    },
    "blocked before our snapshot": {
        "tests/isolation/test_looks.py": [
            "test_who_was_blocked_before_us_isnt_told_that_they_are_back", "test_after_yesterdays_database_everybody_is_as_they_should_be",
        ],
    },
    "an access that can't be corrected": {
        "tests/isolation/test_looks.py": [
            "test_a_wrong_key_waits_for_hours_until_it_is_corrected", "test_an_access_that_the_device_doesnt_have_can_be_removed",
        ],
    },
    "keys in several spellings": {
        "tests/isolation/test_looks.py": ["test_a_key_has_one_spelling"],
        "plugins/mikrotik/tests/test_dhcp.py": ["test_one_spelling_of_a_mac", "test_one_spelling_of_an_address"],
        "plugins/nftables/tests/test_driver.py": ["test_a_key_has_one_spelling"],
    },
    "faults that don't pass": {"tests/isolation/test_looks.py": ["test_what_is_refused_for_good_isnt_hurried_by_looks"]},
    "large routers, slow sessions, MariaDB": {
        "plugins/mikrotik/tests/test_services.py": [
            "test_one_customer_reads_only_their_rows_of_the_list", "test_a_session_that_takes_its_time_and_kicks_that_are_spread",
        ],
        "plugins/radius/tests/test_mysql.py": ["test_a_customer_is_blocked_and_restored"],
    },
    "real packets": {
        "plugins/nftables/tests/test_thousand.py": ["test_a_thousand_are_blocked_and_restored_and_their_downloads_with_them"],
        "tests/isolation/campaign.py": ["_judged_by_traffic"],
    },
}  # fmt: skip
"""What went wrong in the field → file → tests."""


@pytest.mark.parametrize("point", POINTS)
def test_each_way_to_be_wrong_has_its_tests(point: str) -> None:
    for file, names in POINTS[point].items():
        there = set(re.findall(r"def (\w+)\(", (ROOT / file).read_text(encoding="utf-8")))
        assert set(names) <= there, file
