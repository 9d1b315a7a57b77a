import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { type Device, devicesQuery, deviceTitle } from '../../api/fleet.ts';
import { usePoll } from '../../api/live.ts';
import { useIsAdmin } from '../../api/queries.ts';
import { DeviceLink } from '../../fleet/device-link.tsx';
import { DeviceStatus, roleName } from '../../fleet/device-status.tsx';
import { duration, useNow } from '../../format/time.ts';
import { Button } from '../../ui/button.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Card } from '../../ui/page.tsx';
import { Skeleton } from '../../ui/placeholder.tsx';
import { Ago, FullTime } from '../../ui/time.tsx';
import { AboutCard } from './about-card.tsx';
import { DeviceAlerts, useDeviceAlerts } from './device-alerts.tsx';
import { LatestValues } from './latest-values.tsx';

interface DeviceOverviewProps {
  readonly device: Device;
  readonly onPair: () => void;
  readonly onUnpair: () => void;
}

export function DeviceOverview({ device, onPair, onUnpair }: DeviceOverviewProps) {
  // What fires stands first.
  const isFiring = (useDeviceAlerts(device.id).data?.total ?? 0) > 0;
  return (
    <div className="columns">
      <div className="stack">
        {isFiring && <DeviceAlerts device={device} />}
        <Card title="Connection">
          <dl className="facts">
            <dt>Status</dt>
            <dd>
              <DeviceStatus device={device} />
              <p className="small quiet">
                <StatusSentence device={device} />
              </p>
            </dd>
            {device.connectedAt && (
              <>
                <dt>Session since</dt>
                <dd>
                  <FullTime at={device.connectedAt} />
                </dd>
              </>
            )}
            <dt>Last seen</dt>
            <dd>
              <Ago at={device.lastSeenAt} />
            </dd>
          </dl>
        </Card>
        <LatestValues device={device} />
        {!isFiring && <DeviceAlerts device={device} />}
        {device.role === 'agent' ? (
          <PairingCard device={device} onPair={onPair} onUnpair={onUnpair} />
        ) : (
          <AgentsCard device={device} />
        )}
      </div>
      <div className="stack">
        <Card title="Identity">
          <dl className="facts">
            <dt>UUID</dt>
            <dd>
              <Copyable text={device.id} label="Copy the UUID" />
            </dd>
            <dt>Role</dt>
            <dd>{roleName(device.role)}</dd>
            <dt>Added</dt>
            <dd>
              <FullTime at={device.createdAt} />
            </dd>
            <dt>MQTT user name</dt>
            <dd>
              <code>
                {device.id}.{device.generation}
              </code>
            </dd>
            <dt>Generation</dt>
            <dd className="numbers">
              {device.generation} <span className="quiet">rises when credentials are rotated</span>
            </dd>
          </dl>
        </Card>
        <AboutCard device={device} />
        <Card title="Notes">
          <div className="stack-s">
            {device.notes ? (
              <p className="notes">{device.notes}</p>
            ) : (
              <p className="quiet">No notes. Where it hangs, who to call, what it measures.</p>
            )}
            {device.tags.length > 0 && (
              <p className="row-wrap">
                {device.tags.map((tag) => (
                  <Link key={tag} href={`/devices?tag=${encodeURIComponent(tag)}`} className="tag">
                    {tag}
                  </Link>
                ))}
              </p>
            )}
          </div>
        </Card>
      </div>
    </div>
  );
}

function StatusSentence({ device }: { readonly device: Device }) {
  const now = useNow();
  if (device.state === 'pending') return 'Waits for an operator. It has no token and cannot connect.';
  if (device.state === 'revoked') return 'Gets no tokens; the broker refuses it.';
  if (device.connectedAt) return `Connected for ${duration(now - Date.parse(device.connectedAt))}.`;
  if (device.lastSeenAt === null) return 'Registered, has not asked for a token yet.';
  return `No session for ${duration(now - Date.parse(device.lastSeenAt))}. It may connect at any time.`;
}

interface PairingCardProps {
  readonly device: Device;
  readonly onPair: () => void;
  readonly onUnpair: () => void;
}

function PairingCard({ device, onPair, onUnpair }: PairingCardProps) {
  const isAdmin = useIsAdmin();
  return (
    <Card
      title="Master"
      actions={
        isAdmin &&
        device.state === 'active' && (
          <span className="row">
            {device.master && (
              <Button small icon="unlink" onClick={onUnpair}>
                Unpair
              </Button>
            )}
            <Button small icon="link" onClick={onPair}>
              {device.master ? 'Change' : 'Pair'}
            </Button>
          </span>
        )
      }
    >
      {device.master ? (
        <p>
          Paired with <DeviceLink id={device.master} />. The two share link topics.
        </p>
      ) : (
        <p className="quiet">Not paired. An agent may have one master, with which it shares link topics.</p>
      )}
    </Card>
  );
}

const SHOWN_AGENTS = 8;

function AgentsCard({ device }: { readonly device: Device }) {
  const poll = usePoll();
  const agents = useQuery({
    ...devicesQuery({ master: device.id, sort: 'name', order: 'asc', limit: String(SHOWN_AGENTS) }),
    placeholderData: keepPreviousData,
    refetchInterval: poll,
  });
  const items = agents.data?.items ?? [];
  const total = device.agents ?? 0;
  return (
    <Card
      title={`Agents${total > 0 ? ` (${total})` : ''}`}
      actions={
        total > SHOWN_AGENTS && (
          <Link href={`/devices?master=${device.id}`} className="link small">
            All {total}
          </Link>
        )
      }
    >
      {agents.error && !agents.data ? (
        <Failure error={agents.error} retry={() => void agents.refetch()} />
      ) : agents.isPending ? (
        <Skeleton />
      ) : items.length === 0 ? (
        <p className="quiet">None yet. Pair an agent from its own page.</p>
      ) : (
        <ul className="stack-s">
          {items.map((agent) => (
            <li key={agent.id} className="spread">
              <Link href={`/devices/${agent.id}`} className="link truncate">
                {deviceTitle(agent)}
              </Link>
              <DeviceStatus device={agent} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
