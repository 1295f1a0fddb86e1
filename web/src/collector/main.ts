import { mount } from 'svelte';

import '../app.css';
import { getLocale } from '../paraglide/runtime';
import App from './App.svelte';
import { keepExchanging } from './exchange';
import { prune } from './outbox';
import { phone } from './phone.svelte';
import { update } from './update.svelte';

document.documentElement.lang = getLocale();
const target = document.getElementById('app');
if (target === null) throw new Error('the page has no element #app');
mount(App, { target });

async function begin(): Promise<void> {
  try {
    await prune(Date.now());
    await phone.readAll();
  } catch {
    phone.isWithoutStorage = true;
    return;
  }
  await keepExchanging();
}

// The app's files are stored for the next time once the customers are there.
void begin().finally(() => {
  if (import.meta.env.PROD) void update.watch();
});
