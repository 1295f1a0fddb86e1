// The clock at the counters. What is due, begins or ends follows that one, and so does every time that is shown, whatever zone this device is
// set to: an office's computer in UTC is a day, and once a month a month, late until seven in the morning.

/** The zone of most ISPs: where no counter is meant. */
const JAKARTA = 'Asia/Jakarta';

let own = JAKARTA;

/** From now on it is the clock of these counters, whose the person is; Jakarta's, if they are in several zones or there is none. */
export function setClock(counters: readonly { timezone: string }[]): void {
  const [zone = JAKARTA, ...others] = new Set(counters.map((counter) => counter.timezone));
  own = others.length === 0 ? zone : JAKARTA;
}

/** The zone of the person's clock. */
export function ownZone(): string {
  return own;
}

/** The day by a counter's clock, such as 2026-02-05; without a counter, by the person's. */
export function todayIn(timezone: string = own): string {
  return new Intl.DateTimeFormat('sv', { timeZone: timezone, dateStyle: 'short' }).format(new Date());
}

/** The instant at which a day ends by the person's clock. */
export function endOfDay(text: string): string {
  const midnight = Date.parse(`${text}T24:00:00Z`);
  const shown = new Intl.DateTimeFormat('sv', { timeZone: own, dateStyle: 'short', timeStyle: 'medium' }).format(midnight);
  const ahead = Date.parse(`${shown.replace(' ', 'T')}Z`) - midnight;
  return new Date(midnight - ahead).toISOString();
}
