import { useQuery } from '@tanstack/react-query';
import type { Device } from '../../api/fleet.ts';
import { POLL_MS } from '../../api/live.ts';
import { aboutQuery } from '../../api/telemetry.ts';
import { Card } from '../../ui/page.tsx';
import { Ago } from '../../ui/time.tsx';

/** What the device says about itself; nothing where it says nothing. */
export function AboutCard({ device }: { readonly device: Device }) {
  const { data: about } = useQuery({ ...aboutQuery(device.id), refetchInterval: POLL_MS });
  if (!about) return null;
  const facts = [
    ['Firmware', about.firmware],
    ['Board', about.board],
    ['Library', about.library],
    ['Last reset', about.resetReason],
    ['Commands', Object.keys(about.commands).join(', ')],
  ] as const;
  return (
    <Card title="About">
      <dl className="facts">
        {facts.map(
          ([name, value]) =>
            value && (
              <div key={name} className="fact">
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
        <dt>Said so</dt>
        <dd>
          <Ago at={about.receivedAt} />
        </dd>
      </dl>
    </Card>
  );
}
