import { useLiveValue } from '../../api/live.ts';
import { valueText } from '../../api/telemetry.ts';
import { fullTime } from '../../format/time.ts';

/** Of a record, not what was measured. */
const NOT_MEASURED: readonly string[] = ['ts', 'b', 'n'];
const SHOWN = 2;

/** The first values of the newest record, as it comes. */
export function ValueCell({ id }: { readonly id: string }) {
  const record = useLiveValue(id);
  if (!record) return <span className="quiet">–</span>;
  const plain = Object.entries(record.data).filter(
    ([name, value]) => !NOT_MEASURED.includes(name) && typeof value !== 'object',
  );
  const values = [...plain].sort(([, left], [, right]) => rank(left) - rank(right));
  if (values.length === 0) return <span className="quiet">–</span>;
  return (
    <span className="value-cell" title={`Measured ${fullTime(record.at)}`}>
      {values.slice(0, SHOWN).map(([name, value]) => (
        <span key={name} className="truncate">
          <span className="quiet">{name}</span> <span className="numbers">{valueText(value)}</span>
        </span>
      ))}
    </span>
  );
}

/** Numbers first. */
function rank(value: unknown): number {
  return typeof value === 'number' ? 0 : 1;
}
