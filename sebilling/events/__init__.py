"""The event log: what kinds of events there are, and how they are written.

One row per event, in the transaction of the operation that caused it: the audit log, the outbox and the source of subscriptions.
`KINDS` is the catalogue, one class per kind, in one file per subject; docs/event_kinds.md lists it. `append` writes an event.
"""

from sebilling.events import charges, customers, deposits, devices, invoices, isolation, isp, payments, users
from sebilling.events.catalogue import KINDS, EventKind, Payload, Subject, Topic, changed, hooks, of_topic, to_json
from sebilling.events.log import append, appending

__all__ = [
    "KINDS", "EventKind", "Payload", "Subject", "Topic", "append", "appending", "changed", "charges", "customers", "deposits", "devices",
    "hooks", "invoices", "isolation", "isp", "of_topic", "payments", "to_json", "users",
]  # fmt: skip
