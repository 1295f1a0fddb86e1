// What roles are called: apart from the other names, as the frame of all screens shows it.
import type { Role } from '../gql/documents';
import { m } from '../paraglide/messages';

export const roles: Record<Role, () => string> = {
  ADMIN: m.role_admin,
  FINANCE: m.role_finance,
  CLERK: m.role_clerk,
  COLLECTOR: m.role_collector,
  TECHNICIAN: m.role_technician,
  AUDITOR: m.role_auditor,
};
