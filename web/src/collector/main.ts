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
try {
  await prune(Date.now());
  await phone.readAll();
  keepExchanging();
} catch {
  phone.isWithoutStorage = true;
}
if (import.meta.env.PROD) void update.watch();
