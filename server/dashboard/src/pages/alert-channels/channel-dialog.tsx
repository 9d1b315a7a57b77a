import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { CHANNEL_KINDS } from '../../alerts/describe-channel.ts';
import { refreshAlerts } from '../../alerts/refresh.ts';
import {
  type AlertChannel,
  alertChannelQuery,
  type ChannelKind,
  changeChannel,
  createChannel,
  type NewAlertChannel,
} from '../../api/alert-channels.ts';
import { failureKind, faultOf } from '../../api/answer.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { TextField } from '../../ui/field.tsx';
import { Failure } from '../../ui/notice.tsx';
import { toast } from '../../ui/toast.tsx';
import { typedSince } from '../../ui/typed-since.ts';
import { ShownSecret } from './shown-secret.tsx';
import { TargetFields } from './target-fields.tsx';

interface ChannelDialogProps {
  readonly open: boolean;
  /** The channel to change, as it is now; undefined to add one. */
  readonly channel?: AlertChannel | undefined;
  readonly onClose: () => void;
}

export interface ChannelDraft {
  readonly name: string;
  readonly kind: ChannelKind;
  readonly url: string;
  readonly to: string;
  readonly token: string;
}

/** Adds a channel, or changes one. */
export function ChannelDialog({ open, channel, onClose }: ChannelDialogProps) {
  const [shown, setShown] = useState(channel);
  if (channel && channel !== shown) setShown(channel);
  // Each time it opens, it begins with what is there.
  const [round, setRound] = useState(0);
  return (
    <OpenDialog
      key={`${shown?.id} ${round}`}
      open={open}
      channel={shown}
      onClose={() => {
        onClose();
        setTimeout(() => setRound((before) => before + 1), CLOSING_MS);
      }}
    />
  );
}

const CLOSING_MS = 200;
const TYPED = ['name', 'url', 'to', 'token'] as const;

function OpenDialog({ open, channel, onClose }: ChannelDialogProps) {
  const client = useQueryClient();
  const [draft, setDraft] = useState(() => draftOf(channel));
  const [seen, setSeen] = useState(channel);
  const change = (changes: Partial<ChannelDraft>) => setDraft((before) => ({ ...before, ...changes }));
  const save = useMutation({
    mutationFn: async () => {
      const values = { name: draft.name.trim(), target: targetOf(draft) };
      if (!seen) return await createChannel(values);
      return { ...(await changeChannel(seen.id, seen.version, values)), secret: null };
    },
    onSuccess: ({ name, secret }) => {
      if (secret !== null) return;
      toast(channel ? `${name} saved` : `${name} added`, channel ? undefined : 'Send a test to be sure.');
      onClose();
    },
    onError: async (error) => {
      if (!seen || failureKind(error) !== 'precondition-failed') return;
      // What somebody else made of the rest is shown, and stays when this is saved.
      const now = await client
        .fetchQuery({ ...alertChannelQuery(seen.id), staleTime: 0 })
        .catch(() => undefined);
      if (!now) return;
      setDraft((typed) => ({ ...draftOf(now), ...typedSince(typed, draftOf(seen), TYPED) }));
      setSeen(now);
    },
    onSettled: () => refreshAlerts(client),
  });
  const created = save.data?.secret != null ? save.data : undefined;
  const faults = {
    name: faultOf(save.error, 'name'),
    url: faultOf(save.error, 'target/url'),
    to: faultOf(save.error, 'target/to') ?? recipientFault(save.error),
    token: faultOf(save.error, 'target/token'),
  };
  const isAtField =
    failureKind(save.error) === 'validation-failed' && Object.values(faults).some((fault) => fault);

  if (created) {
    return (
      <Dialog
        open={open}
        onClose={onClose}
        title={`${created.name} added`}
        onSubmit={onClose}
        foot={
          <Button type="submit" kind="primary">
            I have stored it
          </Button>
        }
      >
        <ShownSecret secret={created.secret ?? ''} />
      </Dialog>
    );
  }
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={channel ? `Edit ${channel.name}` : 'Add a channel'}
      onSubmit={() => !save.isPending && save.mutate()}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={save.isPending}>
            {channel ? 'Save' : 'Add'}
          </Button>
        </>
      }
    >
      {!channel && (
        <fieldset className="field plain">
          <legend className="visually-hidden">Kind</legend>
          <div className="choices compact">
            {(Object.keys(CHANNEL_KINDS) as ChannelKind[]).map((kind) => (
              <label key={kind}>
                <input
                  type="radio"
                  name="channel-kind"
                  value={kind}
                  checked={draft.kind === kind}
                  onChange={() => change({ kind })}
                />
                <span className="strong">{CHANNEL_KINDS[kind].name}</span>
                <span className="hint">{CHANNEL_KINDS[kind].hint}</span>
              </label>
            ))}
          </div>
        </fieldset>
      )}
      <TextField
        label="Name"
        fault={faults.name}
        maxLength={100}
        autoComplete="off"
        value={draft.name}
        onChange={(event) => change({ name: event.target.value })}
      />
      <TargetFields draft={draft} faults={faults} keepsToken={channel?.kind === 'ntfy'} onChange={change} />
      {save.error && !isAtField && <Failure error={save.error} />}
    </Dialog>
  );
}

function draftOf(channel: AlertChannel | undefined): ChannelDraft {
  const target = channel?.target;
  return {
    name: channel?.name ?? '',
    kind: channel?.kind ?? 'webhook',
    url: target && target.kind !== 'email' ? target.url : '',
    to: target?.kind === 'email' ? target.to.join(', ') : '',
    token: '',
  };
}

function targetOf({ kind, url, to, token }: ChannelDraft): NewAlertChannel['target'] {
  if (kind === 'email') {
    const addresses = to
      .split(/[,;\s]+/)
      .map((address) => address.trim())
      .filter((address) => address !== '');
    return { kind, to: addresses };
  }
  if (kind === 'ntfy') return { kind, url: url.trim(), ...(token.trim() ? { token: token.trim() } : {}) };
  return { kind, url: url.trim() };
}

/** One of several addresses is wrong: `/target/to/1`. */
function recipientFault(error: unknown): string | undefined {
  for (let at = 0; at < MAX_RECIPIENTS; at++) {
    const fault = faultOf(error, `target/to/${at}`);
    if (fault !== undefined) return `address ${at + 1}: ${fault}`;
  }
  return undefined;
}

const MAX_RECIPIENTS = 20;
