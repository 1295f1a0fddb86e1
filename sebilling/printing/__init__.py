"""Paper and files: receipts for rolls, PDF and WhatsApp, and sheets. Pure functions of what `billing` read; no database."""
