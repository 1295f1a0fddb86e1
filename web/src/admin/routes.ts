// Addresses of the screens, in the order of the menu; a screen is loaded when it is first shown.
import { createRouter } from 'sv-router';

import NotFound from './screens/NotFound.svelte';

export const { p, navigate, isActive, route } = createRouter({
  '/': () => import('./screens/Dashboard.svelte'),
  '/invoice': () => import('./screens/Periods.svelte'),
  '/invoice/:month': () => import('./screens/Period.svelte'),
  '/setoran': () => import('./screens/Deposits.svelte'),
  '/isolir': () => import('./screens/Isolation.svelte'),
  '/pelanggan': () => import('./screens/Customers.svelte'),
  '/pelanggan/:id': () => import('./screens/Customer.svelte'),
  '*notfound': NotFound,
});
