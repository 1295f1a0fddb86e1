// Documents at short-lived addresses: the address is asked for when somebody wants the document.

/** Open the document in a tab of its own. The tab is opened at once, as browsers let only a click do that. */
export async function openDocument(ask: () => Promise<string | undefined>): Promise<boolean> {
  const tab = window.open('', '_blank');
  const url = await ask();
  if (url === undefined || tab === null) {
    tab?.close();
    return false;
  }
  tab.opener = null;
  tab.location.href = url;
  return true;
}

/** WhatsApp with a text, to a number as +62… if there is one. */
export function whatsApp(text: string, phone = ''): string {
  return `https://wa.me/${phone.replace(/\D/g, '')}?text=${encodeURIComponent(text)}`;
}
