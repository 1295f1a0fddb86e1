// What the page starts at once: the questions who is signed in and what their screen shows, and the screen's files. The rest of the page
// is loaded meanwhile.
import { askEarly } from '../lib/early';
import { settleLanguage } from '../lib/language';
import { questions } from './questions';
import { screens } from './screens';

const parts = location.pathname.split('/');
// As the router does: the first address that fits.
const address = (Object.keys(screens) as (keyof typeof screens)[]).find((pattern) => {
  const wanted = pattern.split('/');
  return wanted.length === parts.length && wanted.every((part, index) => part.startsWith(':') || part === parts[index]);
});
const search = new URLSearchParams(location.search);
askEarly(address && questions[address]?.((name) => search.get(name) ?? ''));
// If it fails, the router finds out, too, and tells.
if (address) screens[address]().catch(() => undefined);
settleLanguage();
