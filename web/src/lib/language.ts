// The page's language, looked up once: each text would look it up again, and the browser takes its time for that.
import { getLocale, overwriteGetLocale } from '../paraglide/runtime';

/** Stay with the language that the person chose, or else prefers: another one loads the page again. */
export function settleLanguage(): void {
  const language = getLocale();
  overwriteGetLocale(() => language);
}
