/** The zone of most ISPs: where no counter is meant. */
const JAKARTA = 'Asia/Jakarta';

/**
 * The day by a counter's clock, such as 2026-02-05. What is due, begins or ends follows that one, whatever zone this device is set to: an
 * office's computer in UTC is a day, and once a month a month, late until seven in the morning.
 */
export function todayIn(timezone: string = JAKARTA): string {
  return new Intl.DateTimeFormat('sv', { timeZone: timezone, dateStyle: 'short' }).format(new Date());
}
