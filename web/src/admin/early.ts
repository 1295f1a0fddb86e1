// What the page starts at once: the question who is signed in, and the screen's files. The rest of the page is loaded meanwhile.
import { askEarly } from '../lib/early';
import { screens } from './screens';

askEarly();
const parts = location.pathname.split('/');
// As the router does: the first address that fits.
const address = Object.entries(screens).find(([pattern]) => {
  const wanted = pattern.split('/');
  return wanted.length === parts.length && wanted.every((part, index) => part.startsWith(':') || part === parts[index]);
});
// If it fails, the router finds out, too, and tells.
address?.[1]().catch(() => undefined);
