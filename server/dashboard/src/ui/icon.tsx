const PATHS = {
  overview: 'M3 3h7v9H3zM14 3h7v5h-7zM14 12h7v9h-7zM3 16h7v5H3z',
  device: 'M6 6h12v12H6zM9 2v4M15 2v4M9 18v4M15 18v4M2 9h4M2 15h4M18 9h4M18 15h4M10 10h4v4h-4z',
  approve: 'M9 11l3 3 8-8M20 12v7a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2h9',
  alert: 'M10.3 4 2.4 18a2 2 0 0 0 1.7 3h15.8a2 2 0 0 0 1.7-3L13.7 4a2 2 0 0 0-3.4 0zM12 9v4M12 17h.01',
  bell: 'M6 9a6 6 0 1 1 12 0c0 6 2.5 7 2.5 7h-17S6 15 6 9M10 20a2.3 2.3 0 0 0 4 0',
  mute: 'M8.7 4.1A6 6 0 0 1 18 9c0 2.3.4 3.9.9 5M6.2 7.8A6 6 0 0 0 6 9c0 6-2.5 7-2.5 7H16M10 20a2.3 2.3 0 0 0 4 0M4 3l16 18',
  send: 'M21 3 10.5 13.5M21 3l-6.5 18-4-7.5L3 9.5z',
  mail: 'M3 5h18v14H3zM3 7l9 6.5L21 7',
  audit: 'M14 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8zM14 3v5h5M9 13h6M9 17h4',
  broker: 'M4 5h16v6H4zM4 15h16v4H4zM8 8h.01M8 17h.01M12 11v4',
  people:
    'M16 20v-1.5a4 4 0 0 0-4-4H6a4 4 0 0 0-4 4V20M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M22 20v-1.5a4 4 0 0 0-3-3.8M16 4.2a3.5 3.5 0 0 1 0 6.7',
  key: 'M15.5 14a5.5 5.5 0 1 0-5.3-4L3 17.2V21h3.8l1.2-1.2V17h2.8l2.4-3.3a5.5 5.5 0 0 0 2.3.3zM16.5 8h.01',
  user: 'M19 20v-1a5 5 0 0 0-5-5h-4a5 5 0 0 0-5 5v1M12 10.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7',
  plus: 'M12 5v14M5 12h14',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14M20.5 20.5 16 16',
  check: 'M5 12.5 10 17.5 19.5 7',
  minus: 'M6 12h12',
  close: 'M6 6l12 12M18 6 6 18',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  left: 'M14.5 6 8.5 12l6 6',
  right: 'M9.5 6l6 6-6 6',
  up: 'M12 19V5M6 11l6-6 6 6',
  down: 'M12 5v14M6 13l6 6 6-6',
  chevrons: 'M8 10l4-4 4 4M8 14l4 4 4-4',
  menu: 'M4 7h16M4 12h16M4 17h16',
  refresh: 'M20 11a8 8 0 0 0-14.6-3.5L4 9M4 4v5h5M4 13a8 8 0 0 0 14.6 3.5L20 15M20 20v-5h-5',
  link: 'M9.5 14.5l5-5M8 11l-2.5 2.5a4 4 0 0 0 5.7 5.7L13 17.4M16 13l2.5-2.5a4 4 0 0 0-5.7-5.7L11 6.6',
  unlink: 'M8 11l-2.5 2.5a4 4 0 0 0 5.7 5.7L13 17.4M16 13l2.5-2.5a4 4 0 0 0-5.7-5.7L11 6.6M4 4l16 16',
  ban: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M5.8 5.8l12.4 12.4',
  undo: 'M4 9h10a6 6 0 0 1 0 12h-3M4 9l4-4M4 9l4 4',
  trash: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5',
  edit: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  signout: 'M15 4h3a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-3M10 8l-4 4 4 4M6 12h10',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8M12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z',
  screen: 'M3 4h18v12H3zM8 20h8M12 16v4',
  download: 'M12 4v11M7 11l5 5 5-5M4 20h16',
  upload: 'M12 16V5M7 9l5-5 5 5M4 20h16',
  info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 11v5M12 8h.01',
  terminal: 'M4 5h16v14H4zM8 10l2.5 2L8 14M13 14h3',
  chart: 'M4 4v16h16M8 15l3.5-4 3 2.5L20 7',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 7v5l3.5 2',
  tag: 'M3 12V4h8l10 10-8 8zM7.5 8h.01',
  shield: 'M12 21s8-3.5 8-9.5V5l-8-3-8 3v6.5c0 6 8 9.5 8 9.5M8.5 11.5l2.5 2.5 4.5-4.5',
  wave: 'M2 12h4l3-8 5 16 3-8h5',
  pause: 'M8 5v14M16 5v14',
  webhook:
    'M12 9.5 8.5 16M12 9.5A3.5 3.5 0 1 1 15 6M8.5 16A3.5 3.5 0 1 1 6 12.7M8.5 16.5h7.5M16 16.5a3.5 3.5 0 1 1 1 2.6',
} as const;

export type IconName = keyof typeof PATHS;

/** A line icon. It says nothing by itself: the control that has it carries the label. */
export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={name === 'more' ? 3 : 1.9}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
