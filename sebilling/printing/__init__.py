"""Print receipts and invoices (thermal rolls, PDF, WhatsApp) and write reports as files. Documents need no database: `billing` reads."""
