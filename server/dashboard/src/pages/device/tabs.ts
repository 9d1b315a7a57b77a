import { loadable } from '../../ui/loadable.tsx';

// Each is a file of its own, loaded when it is first looked at.
export const DataTab = loadable(async () => (await import('./data/data-tab.tsx')).DataTab);
export const CommandsTab = loadable(async () => (await import('./commands/commands-tab.tsx')).CommandsTab);
export const TimelineTab = loadable(async () => (await import('./timeline/timeline-tab.tsx')).TimelineTab);
