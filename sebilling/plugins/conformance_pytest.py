"""pytest plugin of the conformance kit: failed checks show both sides of a comparison. Needs pytest; the kit itself doesn't."""

import pytest

pytest.register_assert_rewrite("sebilling.plugins.conformance")
