// Which customers the list shows, as its address says. Asked early, too: without texts.
import type { CustomerFilter, CustomerOrder, CustomersQueryVariables } from '../../gql/documents';

const filters = {
  aktif: { active: true },
  isolir: { blocked: true },
  'akan-isolir': { toBeBlocked: true },
  janji: { promised: true },
  menunggak: { owing: true },
  'tanpa-perangkat': { withoutDevice: true },
  nonaktif: { active: false },
  semua: {},
} satisfies Record<string, CustomerFilter>;

export type View = keyof typeof filters;
type InAddress = (name: string) => string;

const ofMoney = new Set<View>(['akan-isolir', 'janji', 'menunggak']);

/** The views of a role, the one that is shown unless the address says else first. */
export function viewsFor(seesMoney: boolean): View[] {
  return (Object.keys(filters) as View[]).filter((view) => seesMoney || !ofMoney.has(view));
}

export function ordersFor(seesMoney: boolean): CustomerOrder[] {
  return ['CODE', 'NAME', 'NEWEST', 'INSTALLED', ...(seesMoney ? (['OUTSTANDING'] as const) : [])];
}

export function viewOf(inAddress: InAddress, seesMoney: boolean): View {
  return viewsFor(seesMoney).find((view) => view === inAddress('tampil')) ?? 'aktif';
}

export function orderOf(inAddress: InAddress, seesMoney: boolean): CustomerOrder {
  return ordersFor(seesMoney).find((order) => order === inAddress('urut')) ?? 'CODE';
}

/** What the list asks; `counted` are the filters beside the view. */
export function asked(inAddress: InAddress, seesMoney: boolean, after: string | null): CustomersQueryVariables {
  const [search, counter, plan] = [inAddress('cari'), inAddress('loket'), inAddress('paket')];
  const counted = { ...(search && { search }), ...(counter && { counterIds: [counter] }), ...(plan && { planIds: [plan] }) };
  const filter = { ...counted, ...filters[viewOf(inAddress, seesMoney)] };
  return { filter, counted, orderBy: orderOf(inAddress, seesMoney), after };
}
