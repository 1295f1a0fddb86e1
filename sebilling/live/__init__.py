"""Real time: the feed is read once per process, and each subscription is executed once for all clients that share it.

`hub` reads, `groups` execute, `budgets` limit users, `connection` bounds what a client may leave unread, `sockets` and `streams` talk to
clients.
"""
