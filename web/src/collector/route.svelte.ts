// The screen is what stands after the # in the address, so that one stored page serves all of them without a line.
class Route {
  #path = $state(location.hash.slice(1) || '/');

  constructor() {
    addEventListener('hashchange', () => {
      this.#path = location.hash.slice(1) || '/';
      scrollTo(0, 0);
      document.getElementById('content')?.focus({ preventScroll: true });
    });
  }

  /** The first part of the address, and what follows it. */
  get screen(): string {
    return this.#path.split('/')[1] ?? '';
  }

  get id(): string {
    return decodeURIComponent(this.#path.split('/')[2] ?? '');
  }
}

export const route = new Route();

export function go(path: string): void {
  location.hash = path;
}
