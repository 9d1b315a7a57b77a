import { useMutation } from '@tanstack/react-query';
import { type BrokerCheck, type BrokerExamination, examineBroker } from '../../api/broker.ts';
import { plural } from '../../format/number.ts';
import { Button } from '../../ui/button.tsx';
import { Icon, type IconName } from '../../ui/icon.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Card } from '../../ui/page.tsx';
import { Skeleton } from '../../ui/placeholder.tsx';
import { Ago } from '../../ui/time.tsx';

/** Has everything checked now: what is wrong, and what to do about it. */
export function DoctorCard() {
  const checks = useMutation({ mutationFn: examineBroker });
  return (
    <Card
      title="Checks"
      description="Reads everything that the broker holds, compares it with the database, and connects once as the server does. Changes nothing, and takes up to 15 seconds."
      flush
      actions={
        <Button small icon="shield" busy={checks.isPending} onClick={() => checks.mutate()}>
          Run checks
        </Button>
      }
    >
      {checks.error && (
        <div className="body">
          <Failure error={checks.error} retry={() => checks.mutate()} />
        </div>
      )}
      {checks.isPending && (
        <div className="body">
          <Skeleton lines={7} />
        </div>
      )}
      {checks.data && <Examined examination={checks.data} />}
      {checks.isIdle && <p className="body quiet">Not run yet.</p>}
    </Card>
  );
}

function Examined({ examination: { at, tookMs, ok, checks } }: { readonly examination: BrokerExamination }) {
  const failed = checks.filter(({ state }) => state === 'failed').length;
  return (
    <>
      <p className="body checks-summary">
        <span className={`strong ${ok ? '' : 'bad-text'}`} role="status">
          {ok ? `All ${checks.length} checks are ok.` : `${plural(failed, 'check')} failed.`}
        </span>{' '}
        <span className="quiet">
          Ran <Ago at={at} />, took {tookMs < 1_000 ? `${tookMs} ms` : `${(tookMs / 1_000).toFixed(1)} s`}.
        </span>
      </p>
      <ul className="events checks" aria-label="Results">
        {checks.map((check) => (
          <CheckLine key={check.name} check={check} />
        ))}
      </ul>
    </>
  );
}

const STATES: Readonly<
  Record<BrokerCheck['state'], { readonly icon: IconName; readonly tone: string; readonly text: string }>
> = {
  ok: { icon: 'check', tone: 'good', text: 'OK' },
  failed: { icon: 'alert', tone: 'bad', text: 'Failed' },
  skipped: { icon: 'minus', tone: '', text: 'Not checked' },
};

function CheckLine({ check: { title, state, found, next } }: { readonly check: BrokerCheck }) {
  const { icon, tone, text } = STATES[state];
  return (
    <li>
      <span className={`event-icon ${tone}`}>
        <Icon name={icon} />
      </span>
      <div className="grow stack-s">
        <p className={state === 'skipped' ? 'quiet' : 'strong'}>{title}</p>
        {found.length > 0 && (
          <ul className="bullets">
            {found.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        )}
        {next && (
          <p className="event-reason">
            <span className="strong">What to do:</span> {next}
          </p>
        )}
      </div>
      <span className={`badge ${tone}`}>{text}</span>
    </li>
  );
}
