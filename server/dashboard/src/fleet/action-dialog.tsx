import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Device, deviceTitle, type Receipt } from '../api/fleet.ts';
import { plural } from '../format/number.ts';
import { Button } from '../ui/button.tsx';
import { Confirm, Dialog } from '../ui/dialog.tsx';
import { TextField } from '../ui/field.tsx';
import { describe, Notice } from '../ui/notice.tsx';
import { toast } from '../ui/toast.tsx';
import { type ActionName, actions, receiptText } from './actions.ts';
import { refreshFleet } from './refresh.ts';

export interface ActionRequest {
  readonly name: ActionName;
  readonly devices: readonly Device[];
}

interface ActionDialogProps {
  readonly request: ActionRequest | undefined;
  readonly onClose: () => void;
  /** Told when every device was changed. */
  readonly onDone?: (name: ActionName, receipts: readonly Receipt[]) => void;
}

const AT_ONCE = 4;

interface Outcome {
  readonly receipts: readonly Receipt[];
  readonly failures: readonly { readonly device: Device; readonly error: unknown }[];
}

/** Says what an action will do to these devices, does it, and tells what became of it. */
export function ActionDialog({ request, onClose, onDone }: ActionDialogProps) {
  const client = useQueryClient();
  const [finished, setFinished] = useState(0);
  const [reason, setReason] = useState('');
  const [shown, setShown] = useState(request);
  if (request && request !== shown) setShown(request);
  const run = useMutation({
    mutationFn: async ({ name, devices }: ActionRequest) => {
      const affected = devices.filter(actions[name].appliesTo);
      setFinished(0);
      return await perform(name, affected, reason.trim(), () => setFinished((number) => number + 1));
    },
    onSettled: () => refreshFleet(client),
    onSuccess: ({ receipts, failures }, { name, devices }) => {
      if (failures.length > 0) return;
      const [first] = devices;
      const what = devices.length === 1 && first ? deviceTitle(first) : plural(receipts.length, 'device');
      toast(`${what} ${actions[name].done}`, summaryOf(receipts));
      onDone?.(name, receipts);
      close();
    },
  });
  function close() {
    onClose();
    setReason('');
    run.reset();
  }
  if (!shown) return null;

  const { name, devices } = shown;
  const action = actions[name];
  const affected = devices.filter(action.appliesTo);
  const [first] = affected;
  const single = devices.length === 1;
  const title = single
    ? `${action.label} ${first ? deviceTitle(first) : ''}?`
    : `${action.label}: ${plural(affected.length, 'device')}?`;
  const left = devices.length - affected.length;
  const failures = run.data?.failures ?? [];

  if (failures.length > 0 && !(single && request)) {
    return (
      <Dialog
        open={request !== undefined}
        onClose={close}
        title={`${plural(run.data?.receipts.length ?? 0, 'device')} ${action.done}, ${plural(failures.length, 'failure')}`}
        foot={
          <Button kind="primary" onClick={close}>
            Close
          </Button>
        }
      >
        <ul className="stack-s">
          {failures.slice(0, 20).map(({ device, error }) => (
            <li key={device.id}>
              <span className="strong">{deviceTitle(device)}</span>: {describe(error).message}
            </li>
          ))}
        </ul>
        {failures.length > 20 && <p className="quiet">and {failures.length - 20} more</p>}
      </Dialog>
    );
  }
  return (
    <Confirm
      open={request !== undefined}
      onClose={close}
      title={title}
      consequences={action.consequences(affected)}
      confirm={single ? action.label : `${action.label} ${plural(affected.length, 'device')}`}
      danger={action.danger ?? false}
      busy={run.isPending}
      error={run.error ?? failures[0]?.error}
      onConfirm={() => affected.length > 0 && run.mutate(shown)}
    >
      {action.takesReason && (
        <TextField
          label="Reason"
          hint="Optional. Kept in the audit log and shown in the history."
          maxLength={500}
          autoComplete="off"
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      )}
      {left > 0 && (
        <Notice>
          {plural(left, 'selected device')} {left === 1 ? 'is' : 'are'} left as{' '}
          {left === 1 ? 'it is' : 'they are'}: this does not apply.
        </Notice>
      )}
      {run.isPending && affected.length > 1 && (
        <div
          className="progress"
          role="progressbar"
          aria-label="Progress"
          aria-valuenow={finished}
          aria-valuemax={affected.length}
        >
          <span style={{ width: `${(100 * finished) / affected.length}%` }} />
        </div>
      )}
    </Confirm>
  );
}

/** A few at a time, so that a large selection neither floods the server nor takes forever. */
async function perform(
  name: ActionName,
  devices: readonly Device[],
  reason: string,
  onStep: () => void,
): Promise<Outcome> {
  const receipts: Receipt[] = [];
  const failures: { device: Device; error: unknown }[] = [];
  const waiting = [...devices];
  async function worker(): Promise<void> {
    for (let device = waiting.shift(); device; device = waiting.shift()) {
      try {
        receipts.push(await actions[name].request(device, reason || undefined));
      } catch (error) {
        failures.push({ device, error });
      }
      onStep();
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { receipts, failures };
}

function summaryOf(receipts: readonly Receipt[]): string {
  const [first] = receipts;
  if (receipts.length === 1 && first) return receiptText(first);
  const queued = receipts.filter(({ status }) => status === 'queued').length;
  if (queued > 0) return `${plural(queued, 'change')} wait until the broker is reachable.`;
  const slowest = Math.max(0, ...receipts.map(({ effectiveAfterMs }) => effectiveAfterMs ?? 0));
  return `All in effect on the broker, each within ${slowest} ms.`;
}
