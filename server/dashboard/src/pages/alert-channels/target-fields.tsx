import { TextField } from '../../ui/field.tsx';
import type { ChannelDraft } from './channel-dialog.tsx';

interface TargetFieldsProps {
  readonly draft: ChannelDraft;
  readonly faults: { readonly [Name in 'url' | 'to' | 'token']: string | undefined };
  /** Whether an empty token leaves the one that is stored. */
  readonly keepsToken: boolean;
  readonly onChange: (changes: Partial<ChannelDraft>) => void;
}

/** Where a channel delivers to. */
export function TargetFields({ draft, faults, keepsToken, onChange }: TargetFieldsProps) {
  if (draft.kind === 'email') {
    return (
      <TextField
        label="To"
        hint="Addresses, separated by commas; at most 20."
        fault={faults.to}
        inputMode="email"
        autoComplete="off"
        spellCheck={false}
        value={draft.to}
        onChange={(event) => onChange({ to: event.target.value })}
      />
    );
  }
  const isNtfy = draft.kind === 'ntfy';
  return (
    <>
      <TextField
        label={isNtfy ? 'Address of the topic' : 'URL'}
        hint={
          isNtfy
            ? 'Such as https://ntfy.sh/my-topic. Who knows it reads along, unless the topic is protected.'
            : 'Gets a POST with JSON, signed as Standard Webhooks says.'
        }
        fault={faults.url}
        inputMode="url"
        autoComplete="off"
        spellCheck={false}
        value={draft.url}
        onChange={(event) => onChange({ url: event.target.value })}
      />
      {isNtfy && (
        <TextField
          label="Access token (optional)"
          hint={
            keepsToken
              ? 'Empty: the stored one stays, as long as the server of the address does.'
              : 'Of a protected topic. It is not shown again.'
          }
          fault={faults.token}
          type="password"
          autoComplete="off"
          value={draft.token}
          onChange={(event) => onChange({ token: event.target.value })}
        />
      )}
    </>
  );
}
