"""systemd units, written for this installation: `sebilling setup systemd`.

Two ways: one unit for the server with its own worker and, unless SEBILLING_DATABASE_URL is set, its embedded database; or a template unit
each for servers and workers, over one PostgreSQL. What each line is for is said in the units themselves.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

SERVER: Final = "sebilling.service"
SERVERS: Final = "sebilling-server@.service"
WORKERS: Final = "sebilling-worker@.service"
ENVIRONMENT: Final = "/etc/sebilling/sebilling.env"

_UNIT: Final = Template("""\
[Unit]
Description=$description
After=network-online.target postgresql.service
Wants=network-online.target
# a wrong setting ends it at once, with the reason in the log: five tries in a minute, then it waits for an operator
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=exec
ExecStart=$command
EnvironmentFile=-$environment
Environment=SEBILLING_VAR=/var/lib/sebilling$more
WorkingDirectory=/var/lib/sebilling
User=sebilling
StateDirectory=sebilling
StateDirectoryMode=0700
UMask=0077
Restart=always
RestartSec=2
# SIGTERM goes to the main process only: it answers what it has begun, then ends its database. By systemd's default the
# database would get it at the same moment, and payments in flight would fail.
KillMode=mixed
TimeoutStopSec=90
# each connection needs a descriptor
LimitNOFILE=65536
# when memory is short, the kernel ends something else first
OOMScoreAdjust=-200

# It needs the network, its own folder, and nothing else of this machine.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
$writable# read-only, not hidden: the program may be installed there
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
PrivateIPC=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
""")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit file."""

    name: str
    text: str


def program() -> Path:
    """The installed command `sebilling`, of the environment that runs this."""
    beside = Path(sys.executable).with_name("sebilling")
    return beside if beside.exists() else Path(shutil.which("sebilling") or beside)


def is_open_to_others(command: Path) -> bool:
    """Whether another user, such as the units' own, can enter every folder on the way to the program. Raises OSError."""
    return all(folder.stat().st_mode & 0o001 for folder in command.resolve().parents)


def units(command: Path, *, separate: bool, backups: Path | None = None) -> list[Unit]:
    """The units: one for everything, or with `separate` one for servers (by port) and one for workers (by name).

    `backups` is a folder that they may write to besides their own.
    """
    writable = "" if backups is None else f"ReadWritePaths={backups}\n"

    def unit(name: str, description: str, words: str, *more: str) -> Unit:
        environment = "".join(f"\nEnvironment={line}" for line in more)
        text = _UNIT.substitute(description=description, command=f"{command} {words}", environment=ENVIRONMENT, more=environment,
                                writable=writable)  # fmt: skip
        return Unit(name, text)

    if not separate:
        return [unit(SERVER, "SeBilling", "serve")]
    return [
        unit(SERVERS, "SeBilling, server on port %i", "serve --port %i", "SEBILLING_INLINE_WORKER=false"),
        unit(WORKERS, "SeBilling, worker %i", "worker"),
    ]


def steps(folder: Path, *, separate: bool) -> list[str]:
    """What to do after writing the units, as commands of a shell."""
    names = "sebilling-server@8000 sebilling-worker@1" if separate else "sebilling"
    return [
        "id sebilling || useradd --system --home-dir /var/lib/sebilling --shell /usr/sbin/nologin sebilling",
        f"install -d -m 750 -g sebilling {Path(ENVIRONMENT).parent}",
        f"touch {ENVIRONMENT} && chmod 640 {ENVIRONMENT} && chgrp sebilling {ENVIRONMENT}",
        *([] if folder == Path("/etc/systemd/system") else [f"cp {folder}/sebilling*.service /etc/systemd/system/"]),
        "systemctl daemon-reload",
        f"systemctl enable --now {names}",
    ]
