import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { faultOf } from '../../../api/answer.ts';
import { commandQuery, isOpen, type NewCommand, sendCommand } from '../../../api/commands.ts';
import type { Device } from '../../../api/fleet.ts';
import { Button } from '../../../ui/button.tsx';
import { SelectField, TextArea, TextField } from '../../../ui/field.tsx';
import { Failure } from '../../../ui/notice.tsx';
import { Card } from '../../../ui/page.tsx';
import { ArgumentField } from './argument-field.tsx';
import { type Declared, parseArgument, parseArguments } from './arguments.ts';
import { CommandReply } from './command-reply.tsx';

const EXPIRIES = [
  ['60', '1 minute'],
  ['600', '10 minutes'],
  ['3600', '1 hour'],
  ['86400', '1 day'],
  ['604800', '7 days'],
] as const;

/** The choice that stands for a command with a name of one's own. */
const OTHER = '';
const REPLY_POLL_MS = 400;

interface CommandFormProps {
  readonly device: Device;
  /** What the device says that it understands. */
  readonly declared: readonly Declared[];
}

/** Sends a command, waits for the reply and shows it. */
export function CommandForm({ device, declared }: CommandFormProps) {
  const client = useQueryClient();
  const [choice, setChoice] = useState(declared[0]?.name ?? OTHER);
  const [name, setName] = useState('');
  const [json, setJson] = useState('');
  const [entered, setEntered] = useState<Readonly<Record<string, string>>>({});
  const [expiry, setExpiry] = useState('600');
  const [faults, setFaults] = useState<Readonly<Record<string, string>>>({});
  const attempt = useRef({ of: '', key: '' });
  const known = declared.find((each) => each.name === choice);
  const send = useMutation({
    mutationFn: (command: NewCommand) => {
      // The same request again, after an answer that was lost, must not switch anything twice.
      const of = JSON.stringify(command);
      if (attempt.current.of !== of) attempt.current = { of, key: newKey() };
      return sendCommand(device.id, command, attempt.current.key);
    },
    onSuccess: (command) => {
      attempt.current = { of: '', key: '' };
      client.setQueryData(commandQuery(device.id, command.id).queryKey, command);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['commands', device.id] }),
  });
  const followed = useQuery({
    ...commandQuery(device.id, send.data?.id ?? ''),
    enabled: send.data !== undefined,
    refetchInterval: ({ state }) => (state.data && !isOpen(state.data) ? false : REPLY_POLL_MS),
  });

  function submit() {
    if (send.isPending) return;
    const read = known ? declaredArguments(known, entered) : freeArguments(name, json);
    setFaults(read.faults);
    if (Object.keys(read.faults).length > 0) return;
    const c = known?.name ?? name.trim();
    send.mutate({ c, expiry: Number(expiry), ...(read.a ? { a: read.a } : {}) });
  }

  return (
    <Card
      title="Send a command"
      description={
        device.online ? 'The device is online.' : 'The device is offline: it gets it when it connects.'
      }
    >
      <form
        className="stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {declared.length > 0 && (
          <SelectField
            label="Command"
            hint="As the device declares them."
            value={choice}
            onValue={setChoice}
            options={[...declared.map((each) => [each.name, each.name] as const), [OTHER, 'Another one…']]}
          />
        )}
        {known ? (
          known.arguments.map((argument) => (
            <ArgumentField
              key={`${known.name} ${argument.name}`}
              argument={argument}
              fault={faults[argument.name]}
              value={entered[`${known.name} ${argument.name}`] ?? ''}
              onValue={(value) => setEntered({ ...entered, [`${known.name} ${argument.name}`]: value })}
            />
          ))
        ) : (
          <>
            <TextField
              label="Name"
              fault={faults.c ?? faultOf(send.error, 'c')}
              maxLength={64}
              placeholder="LED"
              autoComplete="off"
              spellCheck={false}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
            <TextArea
              label="Arguments"
              hint="A JSON object, or nothing."
              fault={faults.a ?? faultOf(send.error, 'a')}
              rows={3}
              placeholder='{"on": true}'
              spellCheck={false}
              value={json}
              onChange={(event) => setJson(event.target.value)}
            />
          </>
        )}
        <SelectField
          label="Expires after"
          hint="Not sent any more once this has passed."
          value={expiry}
          onValue={setExpiry}
          options={EXPIRIES}
        />
        {send.error && <Failure error={send.error} />}
        <div>
          <Button type="submit" kind="primary" icon="terminal" busy={send.isPending}>
            Send
          </Button>
        </div>
      </form>
      {followed.data && <CommandReply command={followed.data} />}
    </Card>
  );
}

interface Read {
  readonly a?: Record<string, unknown> | undefined;
  readonly faults: Record<string, string>;
}

function declaredArguments(command: Declared, entered: Readonly<Record<string, string>>): Read {
  const a: Record<string, unknown> = {};
  const faults: Record<string, string> = {};
  for (const argument of command.arguments) {
    const parsed = parseArgument(argument, entered[`${command.name} ${argument.name}`] ?? '');
    if ('fault' in parsed) faults[argument.name] = parsed.fault;
    else if (parsed.value !== undefined) a[argument.name] = parsed.value;
  }
  return { a: Object.keys(a).length > 0 ? a : undefined, faults };
}

function freeArguments(name: string, json: string): Read {
  const parsed = parseArguments(json);
  const faults = {
    ...(name.trim() === '' ? { c: 'must not be empty' } : {}),
    ...('fault' in parsed ? { a: parsed.fault } : {}),
  };
  return { a: 'value' in parsed ? parsed.value : undefined, faults };
}

/** A page that came by plain HTTP has no `crypto.randomUUID()`. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join('-');
}
