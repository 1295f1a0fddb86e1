// What an event changed, as short texts: `name: value`, or `name: before → after`. Ids are left out, as nobody knows them by heart.
import { rupiah } from '../../lib/format';
import { isolationModes, methods, signInKinds } from '../../lib/names';
import { roles } from '../../lib/roles';
import { m } from '../../paraglide/messages';
import { dataKeys } from './names';

type Data = Record<string, unknown>;
const AMOUNTS = new Set([
  'amount',
  'allocated',
  'credit',
  'over_cash_limit',
  'reopened',
  'released',
  'total',
  'counted',
  'difference',
  'on_hand',
  'price',
  'minimum',
  'late_fee',
  'cash_limit',
  'arrears',
]);
const isId = (value: unknown) => typeof value === 'string' && /^[a-z]{3}_\d+$/.test(value);
const isData = (value: unknown): value is Data => typeof value === 'object' && value !== null && !Array.isArray(value);
const blockReasons = { OVERDUE: m.reason_overdue, NOT_OVERDUE: m.reason_not_overdue, BY_HAND: m.reason_by_hand, ENDED: m.reason_ended };
const named: Record<string, Record<string, () => string>> = {
  method: methods,
  mode: isolationModes,
  role: roles,
  reason: blockReasons,
  sign_in_kind: signInKinds,
};

function text(key: string, value: unknown): string {
  if (value === null || value === '') return '–';
  if (typeof value === 'boolean') return value ? m.yes() : m.no();
  if (typeof value === 'number') return AMOUNTS.has(key) ? rupiah(value) : String(value);
  if (Array.isArray(value)) return value.map((one) => text(key, one)).join(', ') || '–';
  if (isData(value))
    return Object.values(value)
      .map((one) => text(key, one))
      .join(', ');
  return named[key]?.[String(value)]?.() ?? String(value);
}

export function details(data: unknown): string[] {
  if (!isData(data)) return [];
  const label = (key: string) => dataKeys[key]?.() ?? key.replaceAll('_', ' ');
  const before = isData(data['before']) ? data['before'] : undefined;
  const after = isData(data['after']) ? data['after'] : undefined;
  const changes = Object.entries(after ?? {})
    .filter(([, value]) => !isId(value))
    .map(([key, value]) => `${label(key)}: ${before && key in before ? `${text(key, before[key])} → ` : ''}${text(key, value)}`);
  const facts = Object.entries(data)
    .filter(([key, value]) => key !== 'before' && key !== 'after' && value !== null && !isId(value))
    .map(([key, value]) => `${label(key)}: ${text(key, value)}`);
  return [...facts, ...changes];
}
