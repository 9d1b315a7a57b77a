import { Combobox } from '@base-ui/react/combobox';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { type Device, devicesQuery, deviceTitle } from '../api/fleet.ts';
import { Icon } from '../ui/icon.tsx';

interface MasterFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (id: string) => void;
}

const SHOWN = 20;

/** Picks a master by searching the fleet as one types. */
export function MasterField({ label, value, onValue }: MasterFieldProps) {
  const id = useId();
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<Device | null>(null);
  const q = chosen && text === deviceTitle(chosen) ? '' : text.trim();
  const masters = useQuery({
    ...devicesQuery({
      role: 'master',
      state: 'active',
      sort: 'name',
      order: 'asc',
      limit: String(SHOWN),
      ...(q ? { q } : {}),
    }),
    placeholderData: keepPreviousData,
  });
  const items = masters.data?.items ?? [];

  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <Combobox.Root
        items={items}
        filter={null}
        value={value ? chosen : null}
        onValueChange={(device: Device | null) => {
          setChosen(device);
          onValue(device?.id ?? '');
        }}
        onInputValueChange={setText}
        itemToStringLabel={deviceTitle}
        isItemEqualToValue={(item: Device, selected: Device) => item.id === selected.id}
      >
        <div className="search">
          <Icon name="search" />
          <Combobox.Input id={id} className="input" placeholder="Search masters by name or UUID" />
        </div>
        <Combobox.Portal>
          <Combobox.Positioner className="menu-positioner" sideOffset={5} align="start">
            <Combobox.Popup className="menu match-anchor">
              <Combobox.Empty className="menu-empty">
                {masters.isPending ? 'Searching…' : q ? 'No master matches.' : 'There are no masters yet.'}
              </Combobox.Empty>
              <Combobox.List>
                {(device: Device) => (
                  <Combobox.Item key={device.id} value={device} className="menu-item">
                    <span className="grow truncate">{deviceTitle(device)}</span>
                    <code className="quiet">{device.id.slice(0, 8)}</code>
                  </Combobox.Item>
                )}
              </Combobox.List>
            </Combobox.Popup>
          </Combobox.Positioner>
        </Combobox.Portal>
      </Combobox.Root>
    </div>
  );
}
