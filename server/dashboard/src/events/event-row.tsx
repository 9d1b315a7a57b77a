import { type ReactNode, useState } from 'react';
import { Button } from '../ui/button.tsx';
import { Icon, type IconName } from '../ui/icon.tsx';

interface EventRowProps {
  readonly icon: IconName;
  readonly tone?: 'good' | 'warn' | 'bad' | undefined;
  /** What happened, in a few words. */
  readonly title: string;
  /** What follows the title in its line: whom it concerns, who did it. */
  readonly aside?: ReactNode;
  /** What stands below the title. */
  readonly children?: ReactNode;
  readonly time: ReactNode;
  /** What opening the row shows, as terms and descriptions. */
  readonly details: ReactNode;
}

/** One event of a list; opens to show its details. */
export function EventRow({ icon, tone, title, aside, children, time, details }: EventRowProps) {
  const [open, setOpen] = useState(false);
  return (
    <li>
      <span className={`event-icon ${tone ?? ''}`}>
        <Icon name={icon} />
      </span>
      <div className="grow event-what">
        <p>
          <span className="strong">{title}</span>
          {aside}
        </p>
        {children}
        {open && <dl className="facts event-detail">{details}</dl>}
      </div>
      <span className="quiet small event-time">{time}</span>
      <Button
        small
        kind="ghost"
        aria-expanded={open}
        aria-label={`${open ? 'Hide' : 'Show'} details of “${title}”`}
        onClick={() => setOpen(!open)}
      >
        <span className="details-word">Details</span>
        <Icon name="more" />
      </Button>
    </li>
  );
}
