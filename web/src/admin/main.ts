import { mount } from 'svelte';

import '../app.css';
import { applyTheme } from '../lib/theme';
import { getLocale } from '../paraglide/runtime';
import App from './App.svelte';

document.documentElement.lang = getLocale();
applyTheme();
const target = document.getElementById('app');
if (target === null) throw new Error('the page has no element #app');
mount(App, { target });
