// Addresses of the screens, in the order of the menu; a screen is loaded when it is first shown.
import { createRouter } from 'sv-router';

import NotFound from './screens/NotFound.svelte';

export const { p, navigate, route } = createRouter({
  '/': () => import('./screens/Dashboard.svelte'),
  '/invoice': () => import('./screens/Periods.svelte'),
  '/invoice/:month': () => import('./screens/Period.svelte'),
  '/invoice/:month/:id': () => import('./screens/Invoice.svelte'),
  '/daftar-invoice': () => import('./screens/Invoices.svelte'),
  '/pembayaran': () => import('./screens/Payments.svelte'),
  '/pembayaran/:id': () => import('./screens/Payment.svelte'),
  '/titipan': () => import('./screens/Credits.svelte'),
  '/setoran': () => import('./screens/Deposits.svelte'),
  '/rencana-isolir': () => import('./screens/Isolation.svelte'),
  '/pelanggan': () => import('./screens/Customers.svelte'),
  '/pelanggan/impor': () => import('./screens/Import.svelte'),
  '/pelanggan/:id': () => import('./screens/Customer.svelte'),
  '/pengaturan': () => import('./screens/Settings.svelte'),
  '/pengaturan/paket': () => import('./screens/Plans.svelte'),
  '/pengaturan/loket': () => import('./screens/Counters.svelte'),
  '/pengaturan/pengguna': () => import('./screens/Users.svelte'),
  '/pengaturan/isolir': () => import('./screens/IsolationSettings.svelte'),
  '/pengaturan/status': () => import('./screens/SystemStatus.svelte'),
  '/perangkat': () => import('./screens/Devices.svelte'),
  '/perangkat/:id': () => import('./screens/Device.svelte'),
  '/log-isolir': () => import('./screens/IsolationLog.svelte'),
  '/log': () => import('./screens/EventLog.svelte'),
  '/laporan': () => import('./screens/Reports.svelte'),
  '/akun': () => import('./screens/Account.svelte'),
  '*notfound': NotFound,
});
