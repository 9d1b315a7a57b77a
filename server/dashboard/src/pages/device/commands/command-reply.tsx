import { type DeviceCommand, isOpen } from '../../../api/commands.ts';
import { duration } from '../../../format/time.ts';
import { CommandBadge, stateSentence } from './command-state.tsx';

/** What has become of the command that was sent last, read out as it changes. */
export function CommandReply({ command }: { readonly command: DeviceCommand }) {
  const tookMs =
    command.repliedAt && command.sentAt && Date.parse(command.repliedAt) - Date.parse(command.sentAt);
  return (
    <section className="reply" aria-label="Reply">
      <div className="spread" role="status">
        <span className="row">
          {isOpen(command) && <span className="spinner" aria-hidden="true" />}
          <code className="strong">{command.c}</code>
          <CommandBadge state={command.state} />
        </span>
        {typeof tookMs === 'number' && (
          <span className="small quiet numbers">
            after {tookMs < 10_000 ? `${Math.max(0, tookMs)} ms` : duration(tookMs)}
          </span>
        )}
      </div>
      <p className="small quiet">{stateSentence(command)}</p>
      <CommandResult command={command} />
    </section>
  );
}

/** What the device replied; nothing where it replied nothing. */
export function CommandResult({ command }: { readonly command: DeviceCommand }) {
  if (command.error !== null) return <p className="bad-text record">{command.error}</p>;
  if (command.result === null || command.result === undefined) return null;
  return <pre className="result">{resultText(command.result)}</pre>;
}

const SHORT = 60;

/** On one line where it fits. */
function resultText(result: unknown): string {
  const line = JSON.stringify(result);
  return line.length <= SHORT ? line : JSON.stringify(result, null, 2);
}
