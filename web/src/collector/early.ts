// What the page starts at once, while the rest of it is loaded.
import { askStart } from './start';

askStart();
