"""Real time: the feed is read once per process, and what it means is worked out once for all who asked the same.

`hub` reads, `groups` execute, `outbox` bounds what a client may leave unread, `sockets` and `streams` speak to clients.
"""
