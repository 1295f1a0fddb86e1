"""Write many invoices as one PDF: from one snapshot, leaving nothing on disk."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Final

from sebilling.actor import Scope
from sebilling.billing import pictures
from sebilling.billing.receipts import Choice, chosen_invoices
from sebilling.db.engine import Snapshot
from sebilling.errors import NotFound
from sebilling.nouns import Noun
from sebilling.printing.pdf import InvoiceBook

_CHUNK_BYTES: Final = 256 * 1024


async def invoice_chunks(snapshot: Snapshot, choice: Choice, *, scope: Scope) -> AsyncIterator[bytes]:
    """Yield the PDF of the chosen invoices, after the last was read. Raises NotFound if there is none, DatabaseUnavailable, OSError."""
    with tempfile.TemporaryDirectory(prefix="sebilling-pdf-") as folder:
        path, book = Path(folder) / "tagihan.pdf", None
        drawn = await pictures.read_contents(snapshot)
        async with aclosing(chosen_invoices(snapshot, choice, scope=scope)) as papers:
            async for paper in papers:
                if book is None:
                    book = InvoiceBook(path, f"Tagihan {choice.month}", paper.company, drawn)
                book.add(paper)
        if book is None:
            raise NotFound(noun=Noun.INVOICE, given=str(choice.month))
        book.save()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
