// Filters and order are in the address, so that a bookmark keeps them. Values are text as they stand there.
import { searchParams } from 'sv-router';

/** The value of a name; empty if there is none. sv-router's own `get` would take `0812` for a number. */
export function inAddress(name: string): string {
  return searchParams.toURLSearchParams().get(name) ?? '';
}

/** Change the address; an empty value takes the name out of it. */
export function putInAddress(name: string, value: string): void {
  if (value === '') searchParams.delete(name, undefined, { replace: true });
  else searchParams.set(name, value, { replace: true });
}
