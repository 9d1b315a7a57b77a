import { keepPreviousData, useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'wouter';
import {
  type CommandState,
  cancelCommand,
  type DeviceCommand,
  isOpen,
  readCommands,
} from '../../../api/commands.ts';
import { usePoll } from '../../../api/live.ts';
import { useIsAdmin } from '../../../api/queries.ts';
import { Button } from '../../../ui/button.tsx';
import { Confirm } from '../../../ui/dialog.tsx';
import { Failure } from '../../../ui/notice.tsx';
import { Card } from '../../../ui/page.tsx';
import { Empty, Skeleton } from '../../../ui/placeholder.tsx';
import { toast } from '../../../ui/toast.tsx';
import { CommandLine } from './command-line.tsx';
import { STATE_OPTIONS } from './command-state.tsx';

/** The commands of a device, newest first, as their states change. */
export function CommandList({ id }: { readonly id: string }) {
  const [params, setParams] = useSearchParams();
  const isAdmin = useIsAdmin();
  const poll = usePoll();
  const [cancelling, setCancelling] = useState<DeviceCommand>();
  const state = STATE_OPTIONS.find(([name]) => name !== '' && name === params.get('state'))?.[0];
  const commands = useInfiniteQuery({
    queryKey: ['commands', id, 'list', state],
    queryFn: ({ pageParam }) => readCommands(id, state as CommandState | undefined, pageParam),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: poll,
  });
  const items = commands.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <Card
      title="Commands"
      flush
      actions={
        <select
          className="input small-select"
          aria-label="State"
          value={state ?? ''}
          onChange={(event) =>
            setParams(event.target.value ? { state: event.target.value } : {}, { replace: true })
          }
        >
          {STATE_OPTIONS.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      }
    >
      {commands.error && items.length === 0 && (
        <div className="body">
          <Failure error={commands.error} retry={() => void commands.refetch()} />
        </div>
      )}
      {commands.isPending && !commands.error && (
        <div className="body">
          <Skeleton lines={5} />
        </div>
      )}
      {commands.data && items.length === 0 && (
        <Empty icon="terminal" title={state ? 'No command is in this state' : 'No commands yet'}>
          {state
            ? 'Choose another state.'
            : 'What is sent to this device appears here with its reply. Finished ones are kept for 90 days.'}
        </Empty>
      )}
      {items.length > 0 && (
        <ul className="commands">
          {items.map((command) => (
            <CommandLine
              key={command.id}
              command={command}
              onCancel={isAdmin && isOpen(command) ? () => setCancelling(command) : undefined}
            />
          ))}
        </ul>
      )}
      {commands.hasNextPage && (
        <div className="pager">
          <Button small busy={commands.isFetchingNextPage} onClick={() => void commands.fetchNextPage()}>
            Older commands
          </Button>
        </div>
      )}
      <CancelDialog id={id} command={cancelling} onClose={() => setCancelling(undefined)} />
    </Card>
  );
}

interface CancelDialogProps {
  readonly id: string;
  readonly command: DeviceCommand | undefined;
  readonly onClose: () => void;
}

function CancelDialog({ id, command, onClose }: CancelDialogProps) {
  const client = useQueryClient();
  const cancel = useMutation({
    mutationFn: (which: string) => cancelCommand(id, which),
    onSuccess: ({ c }) => {
      toast(`${c} cancelled`);
      onClose();
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['commands', id] }),
  });
  return (
    <Confirm
      open={command !== undefined}
      onClose={() => {
        cancel.reset();
        onClose();
      }}
      title={`Cancel ${command?.c ?? 'the command'}?`}
      consequences={[
        { icon: 'ban', text: 'It is not sent any more; the next command in the queue goes out.' },
        ...(command && command.attempts > 0
          ? [
              {
                icon: 'alert' as const,
                text: 'It was sent already: the device may have executed it, or do so yet.',
              },
            ]
          : []),
      ]}
      confirm="Cancel the command"
      danger
      busy={cancel.isPending}
      error={cancel.error}
      onConfirm={() => command && cancel.mutate(command.id)}
    />
  );
}
