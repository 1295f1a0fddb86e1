// Money, days and times as people here write them. Amounts are whole rupiah.
import { getLocale } from '../paraglide/runtime';
import { ownZone } from './clock';

const language = (): string => (getLocale() === 'id' ? 'id-ID' : 'en-GB');

// Making a formatter of Intl takes longer than drawing the row that it is for: whole numbers do without, days share theirs. Another
// language loads the page again.
const grouped = (whole: number, separator: string): string => String(whole).replace(/\B(?=(\d{3})+$)/g, separator);

function lazily(options: Intl.DateTimeFormatOptions): (date: Date) => string {
  let made: Intl.DateTimeFormat | undefined;
  return (date) => (made ??= new Intl.DateTimeFormat(language(), { ...options, timeZone: 'UTC' })).format(date);
}

const longDays = lazily({ dateStyle: 'long' });
const mediumDays = lazily({ dateStyle: 'medium' });
const months = lazily({ month: 'long', year: 'numeric' });
let instants: { zone: string; format: Intl.DateTimeFormat } | undefined;

/** Rp150.000, in both languages. */
export function rupiah(amount: number): string {
  return `${amount < 0 ? '−' : ''}Rp${grouped(Math.abs(amount), '.')}`;
}

/** 1.500 or 1,500, of a whole number. */
export function count(number: number): string {
  return grouped(number, getLocale() === 'id' ? '.' : ',');
}

/** 10 Mbit/s, of kbit/s. */
export function speed(kbps: number): string {
  return `${new Intl.NumberFormat(language(), { maximumFractionDigits: 2 }).format(kbps / 1000)} Mbit/s`;
}

/** 5 Februari 2026, of "2026-02-05". */
export function day(text: string): string {
  return longDays(new Date(`${text}T00:00:00Z`));
}

/** 5 Feb 2026, of "2026-02-05": in tables. */
export function shortDay(text: string): string {
  return mediumDays(new Date(`${text}T00:00:00Z`));
}

/** The days from `from` until before `until`, with the last of them: 1 Feb 2026 – 28 Feb 2026. */
export function days(from: string, until: string): string {
  const last = new Date(`${until}T00:00:00Z`);
  last.setUTCDate(last.getUTCDate() - 1);
  return `${shortDay(from)} – ${shortDay(last.toISOString().slice(0, 10))}`;
}

/** The day after, as the API's ends of days are the first day that is out. */
export function nextDay(text: string): string {
  const next = new Date(`${text}T00:00:00Z`);
  next.setUTCDate(next.getUTCDate() + 1);
  return next.toISOString().slice(0, 10);
}

/** Februari 2026, of "2026-02". */
export function month(text: string): string {
  return months(new Date(`${text}-01T00:00:00Z`));
}

/** Date and time by the clock at the person's counters. */
export function instant(text: string): string {
  const zone = ownZone();
  if (instants?.zone !== zone) {
    instants = { zone, format: new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'short', timeZone: zone }) };
  }
  return instants.format.format(new Date(text));
}

/** The amount that a person typed, such as "150.000" or "Rp 150000"; null if it is none. Cents are refused, not cut off. */
export function amountOf(text: string): number | null {
  const digits = text.replace(/^\s*Rp\.?\s*/i, '').trim();
  if (!/^\d{1,3}(\.\d{3})+$|^\d{1,13}$/.test(digits)) return null;
  return Number(digits.replaceAll('.', ''));
}
