import { type QueryClient, useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { failureKind } from '../api/answer.ts';
import { type Device, deviceQuery, deviceTitle, type Receipt } from '../api/fleet.ts';
import { plural } from '../format/number.ts';
import { Button } from '../ui/button.tsx';
import { Confirm, Dialog } from '../ui/dialog.tsx';
import { TextField } from '../ui/field.tsx';
import { describe, Notice } from '../ui/notice.tsx';
import { toast, toastError } from '../ui/toast.tsx';
import { type ActionName, actions, receiptText } from './actions.ts';
import { refreshFleet } from './refresh.ts';

export interface ActionRequest {
  readonly name: ActionName;
  readonly devices: readonly Device[];
}

interface ActionDialogProps {
  readonly request: ActionRequest | undefined;
  readonly onClose: () => void;
  /** Told when every device was changed while the dialog was open. */
  readonly onDone?: (name: ActionName) => void;
  /** Told in any case which devices were changed, and which were not, as they are now. */
  readonly onOutcome?: (done: readonly Device[], left: readonly Device[]) => void;
}

const AT_ONCE = 4;
const AS_ASKED: ReadonlyMap<string, Device> = new Map();

interface Outcome {
  readonly done: readonly { readonly device: Device; readonly receipt: Receipt }[];
  readonly failures: readonly { readonly device: Device; readonly error: unknown }[];
  /** Devices whose turn had not come when the dialog was closed. */
  readonly spared: readonly Device[];
}

/** What a run looks at between two devices. */
interface Course {
  isClosed: boolean;
}

interface Run extends ActionRequest {
  readonly course: Course;
}

/** Says what an action will do to these devices, does it, and tells what became of it. Closing it ends what has not begun. */
export function ActionDialog({ request, onClose, onDone, onOutcome }: ActionDialogProps) {
  const client = useQueryClient();
  const [finished, setFinished] = useState(0);
  const [reason, setReason] = useState('');
  const [shown, setShown] = useState(request);
  // Of those that somebody else had changed, how they are now.
  const [current, setCurrent] = useState(AS_ASKED);
  const course = useRef<Course>(undefined);
  if (request && request !== shown) setShown(request);
  const run = useMutation({
    mutationFn: async ({ name, devices, course: own }: Run) => {
      setFinished(0);
      const outcome = await perform(name, devices, reason.trim(), own, () =>
        setFinished((number) => number + 1),
      );
      const conflicts = outcome.failures.filter(({ error }) => failureKind(error) === 'precondition-failed');
      return { ...outcome, current: await readAgain(client, conflicts) };
    },
    onSettled: () => refreshFleet(client),
    onSuccess: ({ current: read, ...outcome }, { name, course: own }) => {
      const left = [...outcome.failures.map(({ device }) => device), ...outcome.spared];
      onOutcome?.(
        outcome.done.map(({ device }) => device),
        left.map((device) => read.get(device.id) ?? device),
      );
      if (own.isClosed || left.length === 0) tell(name, outcome);
      if (own.isClosed) return;
      setCurrent(read);
      if (left.length > 0) return;
      onDone?.(name);
      close();
    },
  });
  useEffect(
    () => () => {
      if (course.current) course.current.isClosed = true;
    },
    [],
  );
  function start(affected: readonly Device[], name: ActionName) {
    course.current = { isClosed: false };
    run.mutate({ name, devices: affected, course: course.current });
  }
  function close() {
    if (course.current) course.current.isClosed = true;
    onClose();
    setReason('');
    setCurrent(AS_ASKED);
    run.reset();
  }
  if (!shown) return null;

  const { name } = shown;
  const devices = shown.devices.map((device) => current.get(device.id) ?? device);
  const action = actions[name];
  const affected = devices.filter(action.appliesTo);
  const [first] = devices;
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
        title={`${plural(run.data?.done.length ?? 0, 'device')} ${action.done}, ${plural(failures.length, 'failure')}`}
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
      onConfirm={() => affected.length > 0 && start(affected, name)}
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
  course: Readonly<Course>,
  onStep: () => void,
): Promise<Outcome> {
  const done: { device: Device; receipt: Receipt }[] = [];
  const failures: { device: Device; error: unknown }[] = [];
  const waiting = [...devices];
  async function worker(): Promise<void> {
    while (!course.isClosed) {
      const device = waiting.shift();
      if (!device) return;
      try {
        done.push({ device, receipt: await actions[name].request(device, reason || undefined) });
      } catch (error) {
        failures.push({ device, error });
      }
      onStep();
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { done, failures, spared: waiting };
}

async function readAgain(
  client: QueryClient,
  conflicts: Outcome['failures'],
): Promise<ReadonlyMap<string, Device>> {
  const read = await Promise.allSettled(
    conflicts.map(({ device }) => client.fetchQuery({ ...deviceQuery(device.id), staleTime: 0 })),
  );
  return new Map(read.flatMap((each) => (each.status === 'fulfilled' ? [[each.value.id, each.value]] : [])));
}

/** Says in the corner what was done; of a dialog that was closed meanwhile, also what was not. */
function tell(name: ActionName, { done, failures, spared }: Outcome): void {
  const [first] = done;
  const single = done.length === 1 && failures.length + spared.length === 0;
  const what = single && first ? deviceTitle(first.device) : plural(done.length, 'device');
  const title = `${what} ${actions[name].done}`;
  const [failure] = failures;
  if (failure) {
    const { message } = describe(failure.error);
    toastError(title, `${plural(failures.length, 'failure')}, ${deviceTitle(failure.device)}: ${message}`);
  } else if (spared.length > 0) {
    toast(title, `Cancelled for ${plural(spared.length, 'device')} more, left as before.`);
  } else {
    toast(title, summaryOf(done.map(({ receipt }) => receipt)));
  }
}

function summaryOf(receipts: readonly Receipt[]): string {
  const [first] = receipts;
  if (receipts.length === 1 && first) return receiptText(first);
  const queued = receipts.filter(({ status }) => status === 'queued').length;
  if (queued > 0) return `${plural(queued, 'change')} wait until the broker is reachable.`;
  const slowest = Math.max(0, ...receipts.map(({ effectiveAfterMs }) => effectiveAfterMs ?? 0));
  return `All in effect on the broker, each within ${slowest} ms.`;
}
