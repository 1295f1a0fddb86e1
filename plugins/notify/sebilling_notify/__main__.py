"""`python -m sebilling_notify`: how many messages wait, which receivers are held and why, and which messages were refused."""

import sys
from datetime import UTC, datetime

from sebilling_notify import clock
from sebilling_notify.queue import Queue
from sebilling_notify.sender import named
from sebilling_notify.settings import BadSettings, load


def main() -> int:
    """Print the queue's state; numbers of refused messages in full, so that they can be corrected. 1 if a receiver is held."""
    try:
        settings = load()
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if not settings.queue_file.is_file():
        sys.stdout.write("There is no queue yet: nothing was ever to be sent.\n")
        return 0
    queue = Queue(settings.queue_file, most=settings.most_waiting, clock=clock.now)
    try:
        sys.stdout.write("".join(f"{line}\n" for line in report(queue)))
        return int(bool(queue.held()))
    finally:
        queue.close()


def report(queue: Queue) -> list[str]:
    """The lines that are printed."""
    lines = [f"{named(lane)}: {count} {state}" for (lane, state), count in queue.counts().items()]
    lines += [f"{named(one.lane)} is HELD since {_time(one.since)}, next try {_time(one.until)}: {one.why}" for one in queue.held()]
    lines += [f"REFUSED {_time(one.made_at)} {one.target}: {one.error}" for one in queue.refused()]
    return lines


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main())
