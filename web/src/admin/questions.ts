// What screens ask first, by their address. A screen that isn't here asks when it is there.
import { CustomersDocument, DashboardDocument } from '../gql/documents';
import type { Question } from '../lib/early';
import { asked } from './customers/asked';
import type { screens } from './screens';

export const questions: Partial<Record<keyof typeof screens, (inAddress: (name: string) => string) => Question>> = {
  '/': () => ({ document: DashboardDocument, variables: {}, needs: 'SEE_DASHBOARD' }),
  // As who may see money asks: if somebody else's question isn't the same, it is asked by the screen.
  '/pelanggan': (inAddress) => ({ document: CustomersDocument, variables: asked(inAddress, true, null) }),
};
