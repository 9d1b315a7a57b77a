import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { type AlertChannel, type ChannelTest, testChannel } from '../../api/alert-channels.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Failure, Notice } from '../../ui/notice.tsx';
import { Skeleton } from '../../ui/placeholder.tsx';

interface TestDialogProps {
  readonly channel: AlertChannel | undefined;
  readonly onClose: () => void;
}

/** Sends a test message and shows what the receiver answered. */
export function TestDialog({ channel, onClose }: TestDialogProps) {
  const [shown, setShown] = useState(channel);
  if (channel && channel !== shown) setShown(channel);
  const test = useMutation({ mutationFn: testChannel });
  const { mutate } = test;
  const id = channel?.id;
  useEffect(() => {
    if (id !== undefined) mutate(id);
  }, [id, mutate]);
  return (
    <Dialog
      open={channel !== undefined}
      onClose={onClose}
      title={`Test ${shown?.name ?? ''}`}
      description="A test message is sent at once, also while the channel is disabled. It is not tried again."
      foot={
        <>
          <Button icon="refresh" busy={test.isPending} onClick={() => id !== undefined && mutate(id)}>
            Send again
          </Button>
          <Button kind="primary" onClick={onClose}>
            Close
          </Button>
        </>
      }
    >
      {test.error && <Failure error={test.error} />}
      {test.isPending && <Skeleton lines={2} />}
      {test.data && !test.isPending && <Outcome test={test.data} />}
    </Dialog>
  );
}

function Outcome({ test: { delivered, status, answer, error, durationMs } }: { readonly test: ChannelTest }) {
  return (
    <>
      <Notice tone={delivered ? 'good' : 'bad'} live>
        <span className="strong">{delivered ? 'Delivered' : 'Not delivered'}</span> after {durationMs} ms
        {status !== null && <>, HTTP {status}</>}.{error && ` ${error}`}
      </Notice>
      {answer !== null && (
        <section aria-label="What the receiver answered" className="stack-s">
          <h3>What the receiver answered</h3>
          {answer === '' ? (
            <p className="quiet">Nothing.</p>
          ) : (
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
            <pre className="result answer" tabIndex={0}>
              {answer}
            </pre>
          )}
        </section>
      )}
    </>
  );
}
