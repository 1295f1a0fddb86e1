// The slip for a payment that the server hasn't recorded yet: 32 plain characters a line, as a roll of 58 mm has. In Indonesian, as every
// printed paper.
import { ownZone } from '../lib/clock';
import { rupiah } from '../lib/format';
import type { Payment } from './store';

const COLUMNS = 32;
const AT_EDGE = 12;

const plain = (text: string) =>
  text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[–—]/g, '-')
    .replace(/[^\x20-\x7e]/g, '?');

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of plain(text).split(/\s+/).filter(Boolean)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(...(word.match(new RegExp(`.{1,${columns}}`, 'g')) ?? []));
  }
  return lines;
}

const centred = (text: string) => wrapped(text, COLUMNS).map((line) => ' '.repeat(Math.floor((COLUMNS - line.length) / 2)) + line);

function labelled(label: string, value: string): string[] {
  return wrapped(value, COLUMNS - AT_EDGE).map((line, number) => (number === 0 ? `${label.padEnd(9)} : ` : ' '.repeat(AT_EDGE)) + line);
}

function amount(label: string, value: number): string[] {
  const money = rupiah(value);
  return label.length + 1 + money.length <= COLUMNS ? [label + money.padStart(COLUMNS - label.length)] : [label, money.padStart(COLUMNS)];
}

/** The text of the slip. It never says LUNAS: that is the server's to say. */
export function slipOf(payment: Payment, collector: string): string {
  const taken = new Date(payment.takenAt);
  const thin = '-'.repeat(COLUMNS);
  return [
    ...centred('TANDA TERIMA SEMENTARA'),
    ...centred('DITERIMA - menunggu sinkron'),
    '='.repeat(COLUMNS),
    ...labelled('Waktu', new Intl.DateTimeFormat('id-ID', { dateStyle: 'medium', timeStyle: 'short', timeZone: ownZone() }).format(taken)),
    ...labelled('Pelanggan', payment.customer.name),
    ...labelled('Kode', payment.customer.code),
    ...labelled('Penerima', collector),
    thin,
    ...payment.promised.parts.flatMap((part) => [
      ...wrapped(part.number, COLUMNS),
      ...amount('', part.amount),
      ...(part.remaining > 0 ? amount('  sisa', part.remaining) : []),
    ]),
    ...(payment.promised.credit > 0 ? amount('Titipan', payment.promised.credit) : []),
    thin,
    ...amount('DITERIMA', payment.body.amount),
    thin,
    ...wrapped('Kuitansi resmi menyusul setelah tercatat di server.', COLUMNS),
    `No. ${payment.key.slice(0, 28)}`,
  ].join('\n');
}
