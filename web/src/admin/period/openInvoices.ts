// Many invoices as one PDF in a tab of its own.
import { InvoicesLinkDocument, type InvoicesLinkQueryVariables } from '../../gql/documents';
import { ask } from '../../lib/api.svelte';
import { openDocument } from '../../lib/download';
import { m } from '../../paraglide/messages';

/** Open the PDF; resolves to why it couldn't be opened, or to '' if it was. */
export async function openInvoices(variables: InvoicesLinkQueryVariables): Promise<string> {
  let problem = '';
  const isOpened = await openDocument(async () => {
    const result = await ask(InvoicesLinkDocument, variables);
    const errors = result.error?.graphQLErrors ?? [];
    problem = result.error?.networkError ? m.no_connection() : errors.map((error) => error.message).join(' ');
    return result.data?.invoicesLink?.url;
  });
  return isOpened ? '' : problem || m.no_document();
}
