"""Groups of roles that use the same root fields, or read the same fields."""

from typing import Final

from sebilling.actor import Role

EVERYONE: Final = frozenset(Role)
OFFICE: Final = frozenset({Role.ADMIN, Role.FINANCE})
READERS: Final = OFFICE | {Role.AUDITOR}
COUNTERS: Final = READERS | {Role.CLERK, Role.COLLECTOR}
"""Roles that may read amounts: all but the technician."""
RECEIVERS: Final = OFFICE | {Role.CLERK, Role.COLLECTOR}
ADMIN: Final = frozenset({Role.ADMIN})
DEVICES: Final = ADMIN | {Role.TECHNICIAN}
DEVICE_READERS: Final = READERS | {Role.TECHNICIAN}
PROMISERS: Final = OFFICE | {Role.CLERK}
BLOCKERS: Final = OFFICE | {Role.TECHNICIAN}
ANYBODY: Final[frozenset[Role]] = frozenset()
"""Including anonymous callers."""
