// The stored files of the app, and a new version of them, which waits until the collector takes it.
const HOUR_MS = 3_600_000;

class Update {
  #waiting = $state.raw<ServiceWorker | null>(null);

  get isReady(): boolean {
    return this.#waiting !== null;
  }

  async watch(): Promise<void> {
    const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
    // Pages without TLS have none: the app then needs the line to start, and nothing else.
    if (workers === undefined) return;
    let controller = workers.controller;
    workers.addEventListener('controllerchange', () => {
      // The first one takes over the page as it is.
      if (controller !== null) location.reload();
      controller = workers.controller;
    });
    const registration = await workers.register('/kolektor/sw.js');
    const look = () => {
      if (workers.controller !== null) this.#waiting = registration.waiting;
    };
    look();
    registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', look));
    setInterval(() => void registration.update().catch(() => undefined), HOUR_MS);
  }

  take(): void {
    this.#waiting?.postMessage({ type: 'SKIP_WAITING' });
  }
}

export const update = new Update();
