import { useQuery } from '@tanstack/react-query';
import { Link, useLocation } from 'wouter';
import { alertSummaryQuery } from '../api/alerts.ts';
import { summaryQuery } from '../api/fleet.ts';
import { usePoll } from '../api/live.ts';
import { shortCount } from '../format/number.ts';
import { Icon, type IconName } from '../ui/icon.tsx';

interface Destination {
  readonly href: string;
  readonly label: string;
  readonly icon: IconName;
}

const DEVICES: readonly Destination[] = [
  { href: '/', label: 'Overview', icon: 'overview' },
  { href: '/devices', label: 'Devices', icon: 'device' },
  { href: '/approvals', label: 'Approvals', icon: 'approve' },
  { href: '/alerts', label: 'Alerts', icon: 'bell' },
];
const SYSTEM: readonly Destination[] = [
  { href: '/broker', label: 'Broker', icon: 'broker' },
  { href: '/audit', label: 'Audit log', icon: 'audit' },
];
const ACCESS: readonly Destination[] = [
  { href: '/operators', label: 'Operators', icon: 'people' },
  { href: '/api-keys', label: 'API keys', icon: 'key' },
];

interface NavigationProps {
  /** Told when a link is followed, also one to the page that is shown. */
  readonly onFollow?: () => void;
}

export function Navigation({ onFollow }: NavigationProps) {
  const poll = usePoll();
  const summary = useQuery({ ...summaryQuery({}), refetchInterval: poll });
  const alerts = useQuery({ ...alertSummaryQuery(), refetchInterval: poll });
  const counts = {
    '/approvals': { value: summary.data?.pending ?? 0, what: 'waiting', tone: '' },
    '/alerts': { value: alerts.data?.firing ?? 0, what: 'firing', tone: 'bad' },
  };
  return (
    <>
      <Group destinations={DEVICES} label="Devices" plain counts={counts} onFollow={onFollow} />
      <Group destinations={SYSTEM} label="System" onFollow={onFollow} />
      <Group destinations={ACCESS} label="Access" onFollow={onFollow} />
    </>
  );
}

interface Count {
  readonly value: number;
  readonly what: string;
  readonly tone: string;
}

interface GroupProps {
  readonly label: string;
  /** Whether it goes without its label on the screen. */
  readonly plain?: boolean;
  readonly destinations: readonly Destination[];
  readonly counts?: Readonly<Record<string, Count>>;
  readonly onFollow: (() => void) | undefined;
}

function Group({ label, plain, destinations, counts = {}, onFollow }: GroupProps) {
  const [path] = useLocation();
  return (
    <nav className="nav" aria-label={label}>
      {!plain && (
        <span className="nav-label" aria-hidden="true">
          {label}
        </span>
      )}
      {destinations.map(({ href, label: text, icon }) => {
        const count = counts[href];
        const isHere = href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`);
        return (
          <Link key={href} href={href} aria-current={isHere ? 'page' : undefined} onClick={onFollow}>
            <Icon name={icon} size={17} />
            {text}
            {count && count.value > 0 && (
              <span className={`count ${count.tone}`}>
                {shortCount(count.value)}
                <span className="visually-hidden"> {count.what}</span>
              </span>
            )}
          </Link>
        );
      })}
    </nav>
  );
}
