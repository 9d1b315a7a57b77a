/** Charts are a file of their own, loaded when they are first looked at. */
export function loadDataTab() {
  return import('./data-tab.tsx');
}
