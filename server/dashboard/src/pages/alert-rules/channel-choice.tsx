import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { CHANNEL_KINDS } from '../../alerts/describe-channel.ts';
import { alertChannelsQuery } from '../../api/alert-channels.ts';
import { POLL_MS } from '../../api/live.ts';
import { Failure } from '../../ui/notice.tsx';
import { Skeleton } from '../../ui/placeholder.tsx';

interface ChannelChoiceProps {
  readonly chosen: readonly string[];
  readonly fault: string | undefined;
  readonly onChange: (chosen: readonly string[]) => void;
}

/** Which channels are told. */
export function ChannelChoice({ chosen, fault, onChange }: ChannelChoiceProps) {
  const channels = useQuery({ ...alertChannelsQuery(), refetchInterval: POLL_MS });
  if (!channels.data) {
    return channels.error ? (
      <Failure error={channels.error} retry={() => void channels.refetch()} />
    ) : (
      <Skeleton lines={2} />
    );
  }
  if (channels.data.length === 0) {
    return (
      <p className="quiet small">
        There are no{' '}
        <Link href="/alerts/channels" className="link">
          channels
        </Link>{' '}
        yet: alerts show up here and nowhere else.
      </p>
    );
  }
  return (
    <fieldset className="field plain">
      <legend className="label">Channels to tell</legend>
      <div className="checks">
        {channels.data.map(({ id, name, kind, enabled }) => (
          <label key={id}>
            <input
              type="checkbox"
              checked={chosen.includes(id)}
              onChange={({ target }) =>
                onChange(target.checked ? [...chosen, id] : chosen.filter((each) => each !== id))
              }
            />
            <span className="truncate">{name}</span>
            <span className="quiet small">
              {CHANNEL_KINDS[kind].name}
              {!enabled && ', disabled'}
            </span>
          </label>
        ))}
      </div>
      {fault && (
        <div className="fault" role="alert">
          {fault}
        </div>
      )}
    </fieldset>
  );
}
