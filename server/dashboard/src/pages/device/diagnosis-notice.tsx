import { useQuery } from '@tanstack/react-query';
import { POLL_MS } from '../../api/live.ts';
import { diagnosisQuery } from '../../api/presence.ts';
import { Failure, Notice } from '../../ui/notice.tsx';

/** Says what is wrong with the device and what to do; nothing while all is well. */
export function DiagnosisNotice({ id }: { readonly id: string }) {
  const diagnosis = useQuery({ ...diagnosisQuery(id), refetchInterval: POLL_MS });
  if (!diagnosis.data) {
    return diagnosis.error && <Failure error={diagnosis.error} retry={() => void diagnosis.refetch()} />;
  }
  const { state, message, next } = diagnosis.data;
  if (state === 'ok') return null;
  return (
    <Notice tone={state === 'problem' ? 'bad' : 'warn'}>
      <span className="strong">{message}</span> {next}
    </Notice>
  );
}
