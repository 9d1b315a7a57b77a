import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer } from '../../api/answer.ts';
import { refreshFleet } from '../../fleet/refresh.ts';
import { count, plural } from '../../format/number.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field } from '../../ui/field.tsx';
import { Failure, Notice } from '../../ui/notice.tsx';

interface Report {
  readonly created: number;
  readonly existing: number;
  readonly errors: number;
  readonly lines: readonly { readonly line: number; readonly status: string; readonly reason?: string }[];
}

const SHOWN_FAULTS = 50;

/** Registers devices from a CSV file, and shows what became of each faulty line. */
export function ImportDialog({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }) {
  const client = useQueryClient();
  const [file, setFile] = useState<File>();
  const load = useMutation({
    mutationFn: async (chosen: File): Promise<Report> => {
      const request = fetch('/api/v1/devices/import', {
        method: 'POST',
        headers: { 'Content-Type': 'text/csv' },
        body: chosen,
      });
      return await answer<Report>(request);
    },
    onSuccess: () => refreshFleet(client),
  });
  const report = load.data;
  const faults = report?.lines.filter(({ status }) => status === 'error') ?? [];

  function close() {
    onClose();
    setFile(undefined);
    load.reset();
  }

  return (
    <Dialog
      open={open}
      onClose={close}
      title="Import devices"
      description={
        <>
          A CSV file with a first line that names its columns: <code>id</code> and <code>role</code>, and if
          you like <code>name</code>, <code>notes</code> and <code>tags</code>.
        </>
      }
      onSubmit={() => (report ? close() : file && !load.isPending && load.mutate(file))}
      foot={
        report ? (
          <Button type="submit" kind="primary">
            Done
          </Button>
        ) : (
          <>
            <Button onClick={close}>Cancel</Button>
            <Button type="submit" kind="primary" busy={load.isPending} disabled={!file}>
              Import
            </Button>
          </>
        )
      }
    >
      {!report && (
        <Field label="File" hint="At most 20,000 devices. Devices that exist are left as they are.">
          {(control) => (
            <input
              {...control}
              className="input file"
              type="file"
              accept=".csv,text/csv"
              onChange={(event) => setFile(event.target.files?.[0])}
            />
          )}
        </Field>
      )}
      {load.error && <Failure error={load.error} />}
      {report && (
        <>
          <Notice tone={report.errors > 0 ? 'warn' : 'good'} live>
            {plural(report.created, 'device')} registered, {count(report.existing)} existed already,{' '}
            {plural(report.errors, 'line')} with errors.
          </Notice>
          {faults.length > 0 && (
            <ul className="fault-lines">
              {faults.slice(0, SHOWN_FAULTS).map(({ line, reason }) => (
                <li key={line}>
                  <span className="quiet numbers">Line {line}</span> {reason}
                </li>
              ))}
              {faults.length > SHOWN_FAULTS && (
                <li className="quiet">and {faults.length - SHOWN_FAULTS} more</li>
              )}
            </ul>
          )}
        </>
      )}
    </Dialog>
  );
}
