// The menu in the manual's words, and the deeds that Ctrl-K offers. Each needs a permission; what isn't allowed isn't shown.
import type { Permission } from '../gql/documents';
import { m } from '../paraglide/messages';
import { p } from './routes';

interface Entry {
  href: string;
  label: () => string;
  needs: Permission;
}

export interface Deed extends Entry {
  /** What the screen is asked to do first; see `deed.svelte.ts`. */
  state: string;
}

export const menu: readonly { label?: () => string; entries: readonly Entry[] }[] = [
  { entries: [{ href: p('/'), label: m.dashboard, needs: 'SEE_DASHBOARD' }] },
  {
    label: m.menu_finance,
    entries: [
      { href: p('/invoice'), label: m.invoice_menu, needs: 'SEE_PERIODS' },
      { href: p('/pembayaran'), label: m.payments, needs: 'SEE_PAYMENTS' },
      { href: p('/setoran'), label: m.deposits, needs: 'SEE_DEPOSITS' },
      { href: p('/titipan'), label: m.credit, needs: 'SEE_UNRESOLVED_MONEY' },
      { href: p('/laporan'), label: m.reports, needs: 'SEE_REPORT_LINK' },
    ],
  },
  {
    label: m.menu_service,
    entries: [
      { href: p('/pelanggan'), label: m.customers, needs: 'SEE_CUSTOMERS' },
      { href: p('/rencana-isolir'), label: m.isolation_menu, needs: 'SEE_ISOLATION_PLAN' },
      { href: p('/log-isolir'), label: m.isolation_log, needs: 'SEE_SERVICE_ACCESSES' },
      { href: p('/perangkat'), label: m.devices, needs: 'SEE_DEVICES' },
    ],
  },
  {
    label: m.menu_system,
    entries: [
      { href: p('/log'), label: m.event_log, needs: 'SEE_EVENTS' },
      { href: p('/pengaturan'), label: m.settings, needs: 'SEE_BILLING_SETTINGS' },
    ],
  },
];

/** Screens that stand under another one in the menu. */
export const furtherScreens: readonly Entry[] = [
  { href: p('/pelanggan/impor'), label: m.import_customers, needs: 'IMPORT_CUSTOMERS' },
  { href: p('/daftar-invoice'), label: m.invoice_list, needs: 'SEE_INVOICES' },
  { href: p('/pengaturan/paket'), label: m.settings_plans, needs: 'SEE_BILLING_SETTINGS' },
  { href: p('/pengaturan/loket'), label: m.counters, needs: 'SEE_BILLING_SETTINGS' },
  { href: p('/pengaturan/pengguna'), label: m.users, needs: 'SEE_USERS' },
  { href: p('/pengaturan/isolir'), label: m.isolation_policies, needs: 'SEE_ISOLATION_POLICIES' },
  { href: p('/pengaturan/status'), label: m.system_status, needs: 'SEE_SYSTEM_STATUS' },
  { href: p('/akun'), label: m.own_account, needs: 'CHANGE_PASSWORD' },
];

export const deeds: readonly Deed[] = [
  { href: p('/invoice'), label: m.add_period, needs: 'OPEN_PERIOD', state: 'add' },
  { href: p('/pelanggan'), label: m.add_customer, needs: 'CREATE_CUSTOMER', state: 'add' },
  { href: p('/pengaturan/paket'), label: m.add_plan, needs: 'CREATE_PLAN', state: 'add' },
  { href: p('/pengaturan/loket'), label: m.add_counter, needs: 'CREATE_COUNTER', state: 'add' },
  { href: p('/pengaturan/pengguna'), label: m.add_user, needs: 'CREATE_USER', state: 'add' },
  { href: p('/perangkat'), label: m.add_device, needs: 'CREATE_DEVICE', state: 'add' },
  { href: p('/akun'), label: m.change_password, needs: 'CHANGE_PASSWORD', state: 'password' },
];
