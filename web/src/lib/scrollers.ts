// Tables that are wider than the page scroll inside themselves: the keyboard must reach those, and not the others.

/** Watch the page's tables until the returned function is called. */
export function reachScrollers(): () => void {
  const look = () => {
    for (const table of document.querySelectorAll<HTMLElement>('.table')) {
      if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
      else table.removeAttribute('tabindex');
    }
  };
  const changes = new MutationObserver(look);
  changes.observe(document.body, { childList: true, subtree: true });
  window.addEventListener('resize', look);
  return () => {
    changes.disconnect();
    window.removeEventListener('resize', look);
  };
}
