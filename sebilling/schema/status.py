"""The installation's state, in GraphQL, for the admin's page; `sebilling status` tells the same."""

from typing import Final

from sebilling.operation import status
from sebilling.operation.status import Level, StatusPart
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import output, read
from sebilling.schema.enums import described
from sebilling.schema.request.access import query
from sebilling.schema.request.roles import ADMIN
from sebilling.schema.values.payloads import row
from sebilling.schema.values.scalars import Instant

described(
    Level,
    "How a part of the installation is.",
    GOOD="It works.",
    WARNING="Look at it today.",
    BAD="Something does not work now.",
)
described(
    StatusPart,
    "Part of the installation.",
    DATABASE="The database and its connections.",
    CLOCK="Whether the clocks of the server that answers and of the workers show the time of the database's.",
    DISK="Space of the disk of the server that answers.",
    WORKERS="Processes that generate invoices, block and restore.",
    FEED="Numbering of events.",
    ISOLATION="Blocks and restores that wait on devices that answer.",
    DEVICES="Devices that do not answer.",
    GENERATION="Generation runs that fail.",
    PLUGINS="Delivery of events to plugins, such as messages to customers.",
    BACKUP="The last backup and its proof.",
)


@output("State of a part of the installation.")
class PartStatus:
    part: StatusPart = read("Which part.", ADMIN)
    level: Level = read("How it is.", ADMIN)
    text: str = read("What was seen, in one sentence; unless it is good, with the remedy.", ADMIN)


@output("State of the installation.")
class SystemStatus:
    level: Level = read("The worst of the parts' levels.", ADMIN)
    version: str = read("Version of SeBilling.", ADMIN)
    at: Instant = read("Time at which it was read.", ADMIN)
    parts: list[PartStatus] = read("All parts, causes before what they cause.", ADMIN)


@query(ADMIN, "State of the installation, part by part.")
async def system_status(info: Info) -> SystemStatus:
    parts, language = info.context.parts, info.context.language
    current = await status.read(parts.database, parts.settings.var)
    return row(
        level=current.level.value, version=current.version, at=current.at,
        parts=[row(part=part.name.value, level=part.level.value, text=part.sentence.in_(language)) for part in current.parts],
    )  # fmt: skip


QUERIES: Final = [system_status]
