// Tables that are wider than the page scroll inside themselves: the keyboard must reach those, and not the others.

/** Watch the page's tables until the returned function is called. */
export function reachScrollers(): () => void {
  let frame = 0;
  const look = () => {
    frame = 0;
    for (const table of document.querySelectorAll<HTMLElement>('.table')) {
      if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
      else table.removeAttribute('tabindex');
    }
  };
  // When the browser measures anyway: at each change, it would have to measure the whole page once more.
  const lookSoon = () => (frame ||= requestAnimationFrame(look));
  const changes = new MutationObserver(lookSoon);
  changes.observe(document.body, { childList: true, subtree: true });
  window.addEventListener('resize', lookSoon);
  return () => {
    changes.disconnect();
    window.removeEventListener('resize', lookSoon);
    cancelAnimationFrame(frame);
  };
}
