"""The customer's page: what is owed and how to pay it, by a link in messages and receipts; and the page of the walled garden.

Plain HTML without a script: it must work on any phone, and behind a router that lets nothing else through.
"""
