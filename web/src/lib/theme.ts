// Light or dark: as the person's system has it, unless they chose one here.
const KEY = 'theme';

export type Theme = 'system' | 'light' | 'dark';

export function chosenTheme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

/** Show the page in the chosen theme; called before anything is drawn. */
export function applyTheme(): void {
  document.documentElement.dataset['theme'] = chosenTheme();
}

export function chooseTheme(theme: Theme): void {
  if (theme === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  applyTheme();
}
