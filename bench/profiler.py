"""Where our server's time goes under the page's load: a flame graph by py-spy if it is installed, else cProfile's list of functions.

cProfile makes calls of Python functions dearer than they are, so its shares are a hint; py-spy samples from outside. Both measure the
process that serves; PostgreSQL's part is not in them.
"""

import pstats
import shutil
import signal
import sys
from pathlib import Path

from bench.page import CUSTOMERS, Load, requests_per_second
from bench.page_documents import document
from bench.place import USERNAME, issue, place
from bench.raw_http import post, token
from bench.serving import SERVE, started

_LINES = 40


async def profile(var: Path, *, seconds: int, rows: int, connections: int) -> Path:
    """Send pages to a server for some seconds, print where its time went, and return the file with the whole of it."""
    pyspy = shutil.which("py-spy")
    file = (var / "bench" / ("flame.svg" if pyspy else "page.prof")).absolute()
    if pyspy:
        command = [pyspy, "record", "--output", str(file), "--rate", "500", "--", sys.executable, *SERVE]
    else:
        command = [sys.executable, "-m", "cProfile", "-o", str(file), *SERVE]
    async with place(var, "profile", customers=CUSTOMERS) as database:
        await issue(database)
        # an interrupt, as both write what they saw when they are interrupted
        with started(command, database.url, {}, stop=signal.SIGINT) as address:
            bearer = await token(address, USERNAME)
            load = Load(address, post(await document(address, bearer, rows), bearer))
            speed = await requests_per_second(load, seconds, connections)
    print(f"{speed:.0f} requests/s while profiled; see {file}")
    if not pyspy:
        pstats.Stats(str(file)).sort_stats("tottime").print_stats(_LINES)
    return file
