import { useQuery } from '@tanstack/react-query';
import { alertRulesQuery } from '../../api/alert-rules.ts';
import { deviceQuery, deviceTitle } from '../../api/fleet.ts';
import { Button } from '../../ui/button.tsx';
import { type AlertFilterState, PERIODS, VIEWS } from './alert-filter.ts';

const ACKNOWLEDGED = [
  ['', 'Acknowledged or not'],
  ['false', 'Not acknowledged'],
  ['true', 'Acknowledged'],
] as const;

/** Which alerts are shown. */
export function AlertToolbar({ state }: { readonly state: AlertFilterState }) {
  const { view, value, change } = state;
  const rules = useQuery(alertRulesQuery());
  const device = value('device');
  return (
    <div className="toolbar">
      <fieldset className="segmented" aria-label="State">
        {VIEWS.map(([name, label]) => (
          <button
            key={name}
            type="button"
            aria-pressed={view === name}
            onClick={() => change('state', name === 'firing' ? '' : name)}
          >
            {label}
          </button>
        ))}
      </fieldset>
      <select
        className="input"
        aria-label="Acknowledged"
        value={value('acknowledged')}
        onChange={(event) => change('acknowledged', event.target.value)}
      >
        {ACKNOWLEDGED.map(([name, label]) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
      <select
        className="input"
        aria-label="Rule"
        value={value('rule')}
        onChange={(event) => change('rule', event.target.value)}
      >
        <option value="">Any rule</option>
        {rules.data?.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
      <select
        className="input"
        aria-label="Fired in"
        value={value('period')}
        onChange={(event) => change('period', event.target.value)}
      >
        {PERIODS.map(([name, label]) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
      {device && <DeviceFilter id={device} onClear={() => change('device', '')} />}
    </div>
  );
}

function DeviceFilter({ id, onClear }: { readonly id: string; readonly onClear: () => void }) {
  const { data } = useQuery({ ...deviceQuery(id), retry: false });
  return (
    <Button icon="close" onClick={onClear}>
      <span className="truncate">Device: {data ? deviceTitle(data) : id.slice(0, 8)}</span>
    </Button>
  );
}
