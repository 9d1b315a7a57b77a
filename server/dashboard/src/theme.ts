import { applyTheme, storedTheme } from './shell/theme.ts';

// Runs before the first paint, so that the page does not flash in the other theme.
applyTheme(storedTheme());
