// One tab at a time sends and syncs; the others hear what changed.
const changes = 'BroadcastChannel' in globalThis ? new BroadcastChannel('sebilling-kolektor') : undefined;

/** Run alone among all tabs; without waiting if `ifFree`, then null if another is at it. Pages without TLS have no locks: there, keys alone protect. */
export async function alone<Result>(run: () => Promise<Result>, ifFree = false): Promise<Result | null> {
  const locks = navigator.locks as LockManager | undefined;
  if (locks === undefined) return run();
  return locks.request('sebilling-kolektor', { ifAvailable: ifFree }, (lock) => (lock === null ? null : run()));
}

export function announce(): void {
  changes?.postMessage('changed');
}

export function onAnnounced(callback: () => void): void {
  if (changes !== undefined) changes.onmessage = callback;
}
