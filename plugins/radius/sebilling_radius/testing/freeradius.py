"""A private FreeRADIUS: its own raddb, in the foreground, on high loopback ports, with its own schema and queries.

It is both the server for customers' logins, and a NAS that we didn't write: its `coa` listener answers ACK or a NAK as the session's row
in the table `nas_session` specifies, NAK 503 for an unknown session, and nothing to a wrong secret.
"""

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol

from sebilling_radius.testing import processes

CONFIG: Final = Path(os.environ.get("SEBILLING_TEST_FREERADIUS_CONFIG", "/etc/freeradius/3.0"))
_MAIN: Final = CONFIG / "mods-config/sql/main"
_READY_SECONDS: Final = 30
_PATH: Final = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
_STOP: Final = "UPDATE radacct SET acctstoptime = now(), acctterminatecause = 'Admin-Reset'"
_RADIUSD: Final = """
prefix = /usr
name = rig
raddbdir = {folder}
confdir = {folder}
logdir = {folder}
run_dir = {folder}
db_dir = {folder}
libdir = {libraries}
max_request_time = 30
cleanup_delay = 0
max_requests = 16384
hostname_lookups = no
log {{
	destination = stdout
	colourise = no
}}
security {{
	{user}
	allow_core_dumps = no
	max_attributes = 200
	reject_delay = 0
	status_server = no
}}
proxy_requests = no
thread pool {{
	start_servers = 4
	max_servers = 8
	min_spare_servers = 2
	max_spare_servers = 8
	max_requests_per_server = 0
}}
client loopback {{
	ipaddr = 127.0.0.0/8
	secret = {secret}
}}
modules {{
	expr {{
	}}
	pap {{
	}}
	always ok {{
		rcode = ok
	}}
	always reject {{
		rcode = reject
	}}
	sql {{
		dialect = "{dialect}"
		driver = "rlm_sql_{dialect}"
		server = "127.0.0.1"
		port = {database_port}
		login = "{login}"
		password = "{password}"
		radius_db = "{database}"
		acct_table1 = "radacct"
		acct_table2 = "radacct"
		postauth_table = "radpostauth"
		authcheck_table = "radcheck"
		groupcheck_table = "radgroupcheck"
		authreply_table = "radreply"
		groupreply_table = "radgroupreply"
		usergroup_table = "radusergroup"
		read_groups = yes
		delete_stale_sessions = yes
		group_attribute = "SQL-Group"
		client_table = "nas"
		pool {{
			start = 4
			min = 2
			max = 8
			spare = 4
			uses = 0
			lifetime = 0
			idle_timeout = 0
			retry_delay = 1
		}}
		$INCLUDE {queries}
	}}
}}
server rig {{
	listen {{
		type = auth
		ipaddr = 127.0.0.1
		port = {auth}
	}}
	listen {{
		type = acct
		ipaddr = 127.0.0.1
		port = {acct}
	}}
	authorize {{
		sql
		pap
	}}
	authenticate {{
		Auth-Type PAP {{
			pap
		}}
	}}
	accounting {{
		update request {{
			&Acct-Unique-Session-Id := "%{{md5:%{{User-Name}},%{{Acct-Session-Id}},%{{NAS-IP-Address}}}}"
		}}
		sql
	}}
}}
server nas {{
	listen {{
		type = coa
		ipaddr = 127.0.0.1
		port = {coa}
	}}
	recv-coa {{
		update control {{
			&Tmp-String-0 := "%{{sql:SELECT answer FROM nas_session WHERE id = '%{{Acct-Session-Id}}' AND username = '%{{User-Name}}'}}"
		}}
		if (&control:Tmp-String-0 == "") {{
			update reply {{
				&Error-Cause := 503
			}}
			reject
		}}
		elsif (&control:Tmp-String-0 != "ack") {{
			update reply {{
				&Error-Cause := "%{{control:Tmp-String-0}}"
			}}
			reject
		}}
		elsif (&Packet-Type == Disconnect-Request) {{
			update control {{
				&Tmp-Integer-0 := "%{{sql:DELETE FROM nas_session WHERE id = '%{{Acct-Session-Id}}'}}"
				&Tmp-Integer-1 := "%{{sql:{stop} WHERE acctsessionid = '%{{Acct-Session-Id}}'}}"
			}}
			ok
		}}
		else {{
			update control {{
				&Tmp-String-1 := "%{{Mikrotik-Address-List}} %{{Mikrotik-Rate-Limit}}"
				&Tmp-Integer-0 := "%{{sql:UPDATE nas_session SET changed = '%{{control:Tmp-String-1}}' WHERE id = '%{{Acct-Session-Id}}'}}"
			}}
			ok
		}}
	}}
	send-coa {{
		ok
	}}
}}
"""


@dataclass(frozen=True, slots=True)
class Sql:
    """FreeRADIUS's files for a kind of database."""

    name: str
    database: str
    package: str

    @property
    def schema(self) -> Path:
        """Its tables."""
        return _MAIN / self.name / "schema.sql"

    @property
    def queries(self) -> Path:
        """Its queries."""
        return _MAIN / self.name / "queries.conf"


POSTGRESQL: Final = Sql("postgresql", "postgres", "freeradius-postgresql")
MYSQL: Final = Sql("mysql", "radius", "freeradius-mysql")


class Served(Protocol):
    """A database server."""

    port: int


def freeradius_problem(sql: Sql = POSTGRESQL) -> str:
    """Return why FreeRADIUS can't be run here; "" if it can."""
    if not (shutil.which("freeradius", path=_PATH) and shutil.which("radclient", path=_PATH)):
        return f"FreeRADIUS isn't installed: apt-get install --no-install-recommends freeradius {sql.package} freeradius-utils"
    if not os.access(sql.queries, os.R_OK):
        return f"{sql.queries} can't be read: install {sql.package}, or join the group freerad"
    return ""


class FreeRadius:
    """One server with its files in `folder`."""

    def __init__(
        self, folder: Path, database: Served, *, login: str, password: str, secret: str, dialect: Sql = POSTGRESQL
    ) -> None:  # fmt: skip
        self.auth, self.acct, self.coa = (processes.free_port(socket.SOCK_DGRAM) for _ in range(3))
        self.secret = secret
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] = (folder / "freeradius.log").open("ab")
        user = f"user = {processes.account().pw_name}" if os.geteuid() == 0 else ""
        libraries = next((str(path) for path in (Path("/usr/lib/freeradius"), Path("/usr/lib64/freeradius")) if path.exists()), "/usr/lib")
        config = _RADIUSD.format(
            folder=folder, libraries=libraries, user=user, secret=secret, database_port=database.port, login=login, password=password,
            stop=_STOP, queries=dialect.queries, dialect=dialect.name, database=dialect.database,
            auth=self.auth, acct=self.acct, coa=self.coa,
        )  # fmt: skip
        (folder / "radiusd.conf").write_text(config)
        (folder / "radiusd.conf").chmod(0o600)
        (folder / "dictionary").write_text("")

    def start(self) -> None:
        """Start it and wait until it serves. Raises RuntimeError."""
        program = shutil.which("freeradius", path=_PATH)
        if program is None:
            raise RuntimeError(freeradius_problem())
        command = [program, "-f", "-d", str(self._folder), "-n", "radiusd", "-l", "stdout"]
        self._process = processes.launch(command, self._log, cwd=self._folder, stay_root=True)
        until = time.monotonic() + _READY_SECONDS
        log = Path(self._log.name)
        while "Ready to process requests" not in log.read_text(errors="replace"):
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"FreeRADIUS doesn't start:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            processes.end(self._process)
            self._process = None
        self._log.close()

    def client(self, port: int, what: str, attributes: str) -> tuple[int, str]:
        """Send a request with radclient, which we didn't write; return its exit code and output."""
        program = shutil.which("radclient", path=_PATH)
        if program is None:
            raise RuntimeError(freeradius_problem())
        done = subprocess.run(
            [program, "-x", "-r", "2", "-t", "3", f"127.0.0.1:{port}", what, self.secret], input=attributes, capture_output=True, text=True,
            check=False, timeout=30,
        )  # fmt: skip
        return done.returncode, done.stdout
