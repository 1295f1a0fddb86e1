"""`python -m sebilling_notify`: print waiting messages, held receivers with the reason, and refused messages."""

import sys
from datetime import UTC, datetime

from sebilling_notify import clock
from sebilling_notify.queue import Queue
from sebilling_notify.sender import named
from sebilling_notify.settings import BadSettings, load


def main() -> int:
    """Print the queue's state; return 1 if a receiver is held. Numbers of refused messages are in full, so they can be corrected."""
    try:
        settings = load()
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if not settings.queue_file.is_file():
        sys.stdout.write("There is no queue yet: nothing was ever to be sent.\n")
        return 0
    queue = Queue(settings.queue_file, most=settings.max_waiting, clock=clock.now)
    try:
        sys.stdout.write("".join(f"{line}\n" for line in report(queue)))
        return int(bool(queue.held()))
    finally:
        queue.close()


def report(queue: Queue) -> list[str]:
    """Return the lines to print."""
    lines = [f"{named(lane)}: {count} {state}" for (lane, state), count in queue.counts().items()]
    lines += [f"{named(held.lane)} is HELD since {_time(held.since)}, next try {_time(held.until)}: {held.why}" for held in queue.held()]
    lines += [f"REFUSED {_time(message.made_at)} {message.target}: {message.error}" for message in queue.refused()]
    return lines


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main())
