// Addresses of the screens, as the router knows them.
import { createRouter } from 'sv-router';

import { screens } from './screens';
import NotFound from './screens/NotFound.svelte';

export const { p, navigate, route } = createRouter({ ...screens, '*notfound': NotFound });
