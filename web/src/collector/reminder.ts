// What a collector writes to a customer who owes something: in Indonesian, as the customer reads it.
import { rupiah } from '../lib/format';
import type { Entry } from './customers';

const MOST_LISTED = 6;
const day = (text: string) =>
  new Intl.DateTimeFormat('id-ID', { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(`${text}T00:00:00Z`));

export function reminderOf(entry: Entry): string {
  const invoices = entry.debts
    .slice(0, MOST_LISTED)
    .map(
      (debt) =>
        `- ${debt.number}: ${rupiah(debt.outstanding)}, jatuh tempo ${day(debt.dueOn)}${debt.dueOn < entry.today ? ' (lewat)' : ''}`,
    );
  const more = entry.debts.length > MOST_LISTED ? [`- dan ${entry.debts.length - MOST_LISTED} tagihan lain`] : [];
  return [
    `Yth. ${entry.customer.name} (${entry.customer.code}),`,
    `tagihan internet Anda sebesar ${rupiah(entry.outstanding)} belum kami terima:`,
    ...invoices,
    ...more,
    ...(entry.customer.pageUrl ? [`Cara membayar: ${entry.customer.pageUrl}`] : []),
    'Mohon segera dibayar agar layanan tetap aktif. Abaikan pesan ini jika sudah membayar. Terima kasih.',
  ].join('\n');
}
