// A deed chosen by Ctrl-K: its screen is opened with the deed's name as state, and does it at once.
import { route } from './routes';

/** Do `perform` when the screen is opened, or already open, with this state. Called while a component is initialised. */
export function onDeed(state: string, perform: () => void): void {
  $effect(() => {
    if (route.state === state) perform();
  });
}
