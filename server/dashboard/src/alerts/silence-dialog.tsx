import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type SilenceTarget, silence } from '../api/alerts.ts';
import { faultOf } from '../api/answer.ts';
import { fullTime, toLocalInput, zoneName } from '../format/time.ts';
import { Confirm } from '../ui/dialog.tsx';
import { SelectField, TextField } from '../ui/field.tsx';
import { toast } from '../ui/toast.tsx';
import { refreshAlerts } from './refresh.ts';
import { SILENCE_LENGTHS, silenceEnd } from './silence-until.ts';

interface SilenceDialogProps {
  /** What can be silenced, the narrowest first; undefined while the dialog is closed. */
  readonly targets: readonly SilenceTarget[] | undefined;
  readonly onClose: () => void;
}

/** Holds messages back for a while. */
export function SilenceDialog({ targets, onClose }: SilenceDialogProps) {
  const [shown, setShown] = useState(targets);
  if (targets && targets !== shown) setShown(targets);
  if (!shown) return null;
  return <OpenDialog key={keyOf(shown)} targets={shown} isOpen={targets !== undefined} onClose={onClose} />;
}

interface OpenDialogProps {
  readonly targets: readonly SilenceTarget[];
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

function OpenDialog({ targets, isOpen, onClose }: OpenDialogProps) {
  const client = useQueryClient();
  const [kind, setKind] = useState<string | undefined>(targets[0]?.kind);
  const [length, setLength] = useState('4');
  const [own, setOwn] = useState(() => toLocalInput(Date.now() + 86_400_000).slice(0, -3));
  const [fault, setFault] = useState<string>();
  const target = targets.find((each) => each.kind === kind) ?? targets[0];
  const run = useMutation({
    mutationFn: async ({ what, until }: { readonly what: SilenceTarget; readonly until: string }) => {
      await silence(what, until);
      return until;
    },
    onSuccess: (until) => {
      toast(`Silenced until ${fullTime(until)}`);
      close();
    },
    onSettled: () => refreshAlerts(client),
  });
  function close() {
    onClose();
    setFault(undefined);
    run.reset();
  }
  function submit() {
    const until = silenceEnd(length, own, Date.now());
    if (until === undefined) setFault('must be in the future');
    else if (target) run.mutate({ what: target, until });
  }

  return (
    <Confirm
      open={isOpen}
      onClose={close}
      title={targets.length === 1 && target ? `Silence ${nameOf(target)}?` : 'Silence'}
      consequences={[
        { icon: 'mute', text: 'No messages are sent meanwhile. Alerts go on firing and stay in this list.' },
        { icon: 'clock', text: 'What still fires when the silence ends is told then.' },
      ]}
      confirm="Silence"
      busy={run.isPending}
      error={faultOf(run.error, 'until') ? undefined : run.error}
      onConfirm={submit}
    >
      {targets.length > 1 && (
        <SelectField
          label="What"
          value={target?.kind ?? ''}
          onValue={setKind}
          options={targets.map((each) => [each.kind, optionOf(each)] as const)}
        />
      )}
      <SelectField label="For" value={length} onValue={setLength} options={SILENCE_LENGTHS} />
      {length === 'own' && (
        <TextField
          label="Until"
          type="datetime-local"
          hint={`In ${zoneName()}; at most a year ahead.`}
          fault={fault ?? faultOf(run.error, 'until')}
          value={own}
          onChange={(event) => {
            setOwn(event.target.value);
            setFault(undefined);
          }}
        />
      )}
    </Confirm>
  );
}

function keyOf(targets: readonly SilenceTarget[]): string {
  return targets.map(({ kind, id }) => `${kind} ${id}`).join();
}

function nameOf(target: SilenceTarget): string {
  return target.kind === 'alert' ? 'this alert' : target.name;
}

function optionOf(target: SilenceTarget): string {
  if (target.kind === 'alert') return 'This alert';
  if (target.kind === 'rule') return `The rule “${target.name}”, for all its devices`;
  return `The device “${target.name}”, whatever the rule`;
}
