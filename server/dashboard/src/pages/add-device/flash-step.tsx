import { useQuery } from '@tanstack/react-query';
import { auditQuery, deviceQuery, deviceTitle } from '../../api/fleet.ts';
import { usePoll } from '../../api/live.ts';
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
  const poll = usePoll(1_500);
  const live = useQuery({ ...deviceQuery(device.id), initialData: device, refetchInterval: poll });
  const refusals = useQuery({
    ...auditQuery({ subject: device.id, action: 'credential.refused', limit: '5' }),
    refetchInterval: live.data.online ? false : poll,
  });
  const now = useNow();
  const connected = live.data.online;

  return (
    <>
      <section
        className={`card waiting ${connected ? 'arrived' : ''}`}
        aria-live="polite"
        aria-label="Connection"
      >
        <span className="beacon" aria-hidden="true">
          {connected ? <Icon name="check" size={22} /> : <Icon name="wave" size={20} />}
        </span>
        <div className="grow">
          <h2>
            {connected ? `${deviceTitle(live.data)} is online` : `Waiting for ${deviceTitle(live.data)}`}
          </h2>
          <p>
            {connected
              ? 'It has its token and its session on the broker. You are done.'
              : `Registered ${duration(Math.max(0, now - Date.parse(device.createdAt)))} ago, not seen yet. Upload the sketch below.`}
          </p>
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
          {connected && (
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
