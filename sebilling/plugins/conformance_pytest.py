"""pytest's door to the conformance kit: its checks fail with both sides of what they compared. Needs pytest; the kit itself doesn't."""

import pytest

pytest.register_assert_rewrite("sebilling.plugins.conformance")
