import { useQuery } from '@tanstack/react-query';
import { auditQuery, deviceQuery, deviceTitle } from '../../api/fleet.ts';
import { POLL_MS, useLiveRecords } from '../../api/live.ts';
import { latestQuery } from '../../api/telemetry.ts';
import { Flash } from '../../fleet/flash.tsx';
import { describeRefusal } from '../../fleet/refusals.ts';
import { duration, useNow } from '../../format/time.ts';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Card } from '../../ui/page.tsx';
import { Ago } from '../../ui/time.tsx';
import type { AddedDevice } from './register.ts';

interface FlashStepProps {
  readonly added: AddedDevice;
  readonly onAnother: () => void;
}

/** Shows the identity once, and waits for the device. */
export function FlashStep({ added, onAnother }: FlashStepProps) {
  const { device, key } = added;
  useLiveRecords([device.id]);
  const live = useQuery({ ...deviceQuery(device.id), initialData: device, refetchInterval: POLL_MS });
  const refusals = useQuery({
    ...auditQuery({ subject: device.id, action: 'credential.refused', limit: '5' }),
    refetchInterval: live.data.online ? false : POLL_MS,
  });
  const latest = useQuery({
    ...latestQuery(device.id),
    refetchInterval: ({ state }) => (state.data?.record ? false : POLL_MS),
  });
  const connected = live.data.online;
  const record = latest.data?.record;
  const arrived = connected || record != null;
  const refusal = arrived ? undefined : refusals.data?.items[0];

  return (
    <>
      <section className={`card waiting ${arrived ? 'arrived' : ''}`} aria-label="Connection">
        <p className="visually-hidden" role="status">
          {headline(live.data, record != null)}
          {refusal && `. Refused: ${describeRefusal(refusal.after)}`}
        </p>
        <span className="beacon" aria-hidden="true">
          {arrived ? <Icon name="check" size={22} /> : <Icon name="wave" size={20} />}
        </span>
        <div className="grow">
          <Progress device={live.data} record={record?.data} />
          {refusals.data?.items.map((entry) => (
            <p key={entry.id} className="refusal">
              <Icon name="alert" size={14} />
              <span>
                Refused <Ago at={entry.at} />: {describeRefusal(entry.after)}
              </span>
            </p>
          ))}
        </div>
        <div className="row-wrap">
          {arrived && (
            <ButtonLink href={`/devices/${device.id}`} kind="primary">
              Open the device
            </ButtonLink>
          )}
          <Button onClick={onAnother} icon="plus">
            Add another
          </Button>
        </div>
      </section>
      <Card title="On the chip">
        <div className="stack">
          <Notice tone="warn">
            The key is shown on this page once and stored nowhere. An administrator can show it again from the
            device’s page; that is noted in the audit log.
          </Notice>
          <Flash identity={key} />
        </div>
      </Card>
    </>
  );
}

interface ProgressProps {
  readonly device: AddedDevice['device'];
  /** The first record, once it is there. */
  readonly record: Readonly<Record<string, unknown>> | undefined;
}

function Progress({ device, record }: ProgressProps) {
  const now = useNow();
  if (record) {
    return (
      <>
        <h2>{headline(device, true)}</h2>
        <p>
          <code className="record">{JSON.stringify(record).slice(0, 200)}</code>
        </p>
      </>
    );
  }
  if (device.online) {
    return (
      <>
        <h2>{headline(device, false)}</h2>
        <p>It has its token and its session on the broker. Its first record will show here.</p>
      </>
    );
  }
  const since = duration(Math.max(0, now - Date.parse(device.createdAt)));
  return (
    <>
      <h2>{headline(device, false)}</h2>
      <p>Registered {since} ago, not seen yet. Upload the sketch below.</p>
    </>
  );
}

/** What screen readers are told as it changes, without the times beside it, which change all the time. */
function headline(device: AddedDevice['device'], hasSent: boolean): string {
  const title = deviceTitle(device);
  if (hasSent) return `${title} has sent its first record`;
  return device.online ? `${title} is online` : `Waiting for ${title}`;
}
