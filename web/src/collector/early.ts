// What the page starts at once, while the rest of it is loaded.
import { settleLanguage } from '../lib/language';
import { askStart } from './start';

askStart();
settleLanguage();
