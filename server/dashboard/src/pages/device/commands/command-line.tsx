import { type DeviceCommand, isOpen } from '../../../api/commands.ts';
import { duration, useNow } from '../../../format/time.ts';
import { Button } from '../../../ui/button.tsx';
import { Ago } from '../../../ui/time.tsx';
import { CommandResult } from './command-reply.tsx';
import { CommandBadge, stateSentence } from './command-state.tsx';

interface CommandLineProps {
  readonly command: DeviceCommand;
  readonly onCancel: (() => void) | undefined;
}

/** One command: what was asked for, by whom, and what became of it. */
export function CommandLine({ command, onCancel }: CommandLineProps) {
  const now = useNow();
  return (
    <li>
      <div className="grow stack-s">
        <div className="row-wrap">
          <code className="strong">{command.c}</code>
          {command.a && Object.keys(command.a).length > 0 && (
            <code className="record quiet">{JSON.stringify(command.a)}</code>
          )}
        </div>
        <CommandResult command={command} />
        {command.state !== 'done' && command.state !== 'failed' && (
          <p className="small">
            {stateSentence(command)}
            {isOpen(command) && ` Expires in ${duration(Date.parse(command.expiresAt) - now)}.`}
          </p>
        )}
        <p className="small quiet">
          <Ago at={command.createdAt} /> by {command.createdBy}
        </p>
      </div>
      <span className="command-side">
        <CommandBadge state={command.state} />
        {onCancel && (
          <Button small kind="ghost" aria-label={`Cancel ${command.c}`} onClick={onCancel}>
            Cancel
          </Button>
        )}
      </span>
    </li>
  );
}
