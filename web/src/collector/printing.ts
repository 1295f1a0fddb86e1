// Paper: ESC/POS bytes for the app RawBT, which prints on Bluetooth and USB printers. The encoder is loaded when something is printed.
const COLUMNS = 32;

/** An address that RawBT opens and prints. */
export async function rawBtLink(text: string): Promise<string> {
  const { default: ReceiptPrinterEncoder } = await import('@point-of-sale/receipt-printer-encoder');
  const encoder = new ReceiptPrinterEncoder({ language: 'esc-pos', columns: COLUMNS, feedBeforeCut: 3 }).initialize().codepage('cp437');
  for (const line of text.split('\n')) encoder.text(line).newline();
  const bytes = encoder.newline().cut('partial').encode();
  return `rawbt:base64,${btoa(String.fromCharCode(...bytes))}`;
}

/** An address that opens WhatsApp with this text, for a phone number as +62…; without one, the collector chooses whom. */
export function whatsAppLink(phone: string, text: string): string {
  return `https://wa.me/${phone.replace(/\D/g, '')}?text=${encodeURIComponent(text)}`;
}
