import { fullTime, timeFrom, useNow } from '../format/time.ts';

/** How long ago, with the exact time in the viewer's zone on hover. */
export function Ago({ at, never = 'never' }: { readonly at: string | null; readonly never?: string }) {
  const now = useNow();
  if (at === null) return <span className="quiet">{never}</span>;
  return (
    <time dateTime={at} title={fullTime(at)} className="nowrap">
      {timeFrom(Date.parse(at), now)}
    </time>
  );
}

export function FullTime({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} className="numbers">
      {fullTime(at)}
    </time>
  );
}
