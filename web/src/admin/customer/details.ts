// What a person types about a customer: as text in the form, as the API's input, and named for comparison.
import type { ClearableField, CreateCustomerInput, UpdateCustomerInput } from '../../gql/documents';
import { amountOf } from '../../lib/format';

/** Each field as it stands in the form. */
export interface Details {
  code: string;
  name: string;
  phone: string;
  address: string;
  counterId: string;
  planId: string;
  installedOn: string;
  price: string;
  dueDay: string;
  pppoeName: string;
  active: boolean;
}

interface Stored {
  code: string;
  name: string;
  phone: string;
  address: string;
  installedOn: string;
  price: number | null;
  dueDay: number | null;
  pppoeName: string | null;
  active: boolean;
  counter: { id: string };
  plan: { id: string };
}

export const FIELDS = [
  'code',
  'name',
  'phone',
  'address',
  'counterId',
  'planId',
  'installedOn',
  'price',
  'dueDay',
  'pppoeName',
  'active',
] as const satisfies readonly (keyof Details)[];

export function detailsOf(customer: Stored): Details {
  const { code, name, phone, address, installedOn, active } = customer;
  return {
    ...{ code, name, phone, address, installedOn, active },
    counterId: customer.counter.id,
    planId: customer.plan.id,
    price: customer.price === null ? '' : String(customer.price),
    dueDay: customer.dueDay === null ? '' : String(customer.dueDay),
    pppoeName: customer.pppoeName ?? '',
  };
}

/** Whether an amount that was typed can be sent. */
export function isPrice(text: string): boolean {
  return text.trim() === '' || amountOf(text) !== null;
}

export function creation(details: Details): CreateCustomerInput {
  const { code, name, phone, address, counterId, planId, installedOn, active } = details;
  return {
    ...{ code, name, phone, address, counterId, planId, installedOn, active },
    price: amountOf(details.price),
    dueDay: details.dueDay === '' ? null : Number(details.dueDay),
    pppoeName: details.pppoeName || null,
  };
}

/** What differs from `before`; what was emptied is cleared. */
export function change(id: string, version: number, before: Details, after: Details): UpdateCustomerInput {
  const differs = (field: keyof Details) => before[field] !== after[field];
  const optional = { price: 'PRICE', dueDay: 'DUE_DAY', pppoeName: 'PPPOE_NAME' } as const;
  const clear: ClearableField[] = [];
  for (const field of ['price', 'dueDay', 'pppoeName'] as const) {
    if (differs(field) && after[field].trim() === '') clear.push(optional[field]);
  }
  return {
    id,
    expectedVersion: version,
    clear,
    ...(differs('name') && { name: after.name }),
    ...(differs('phone') && { phone: after.phone }),
    ...(differs('address') && { address: after.address }),
    ...(differs('counterId') && { counterId: after.counterId }),
    ...(differs('planId') && { planId: after.planId }),
    ...(differs('installedOn') && { installedOn: after.installedOn }),
    ...(differs('active') && { active: after.active }),
    ...(differs('price') && after.price.trim() && { price: amountOf(after.price) }),
    ...(differs('dueDay') && after.dueDay && { dueDay: Number(after.dueDay) }),
    ...(differs('pppoeName') && after.pppoeName && { pppoeName: after.pppoeName }),
  };
}
