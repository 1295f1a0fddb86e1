"""Isolation (isolir): decide which customers are blocked and which restored. `network/reconcile.py` applies it to devices.

The rule is the view `isolation` (db/sql, docs/isolation.md): a row for each customer who will be blocked unless they pay. Operations
that clear a debt call `blocks.reconsider` in their transaction; the sweep blocks overdue customers and corrects what was missed.
"""
