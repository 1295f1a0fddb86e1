"""A RADIUS to try drivers on: `Rig` is PostgreSQL with FreeRADIUS's tables, FreeRADIUS where it is installed, and NASes.

`freeradius_problem()` says why FreeRADIUS can't be used here; without it the rig still has its tables, and `Receiver` is the NAS.
"""

from sebilling_radius.testing.freeradius import FreeRadius, freeradius_problem
from sebilling_radius.testing.postgres import PrivatePostgres
from sebilling_radius.testing.receiver import Receiver
from sebilling_radius.testing.rig import Rig

__all__ = ["FreeRadius", "PrivatePostgres", "Receiver", "Rig", "freeradius_problem"]
