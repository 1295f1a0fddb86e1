"""RADIUS servers for tests: `Rig` is PostgreSQL with FreeRADIUS's tables, FreeRADIUS if it is installed, and NASes.

`freeradius_problem()` returns why FreeRADIUS can't be used; without it the rig still has its tables, and `Receiver` is the NAS.
"""

from sebilling_radius.testing.freeradius import FreeRadius, freeradius_problem
from sebilling_radius.testing.mariadb import PrivateMariadb, mariadb_problem
from sebilling_radius.testing.mysql_rig import MysqlRig
from sebilling_radius.testing.nas import Nas
from sebilling_radius.testing.postgres import PrivatePostgres
from sebilling_radius.testing.receiver import Receiver
from sebilling_radius.testing.rig import Rig

__all__ = [
    "FreeRadius", "MysqlRig", "Nas", "PrivateMariadb", "PrivatePostgres", "Receiver", "Rig", "freeradius_problem", "mariadb_problem",
]  # fmt: skip
