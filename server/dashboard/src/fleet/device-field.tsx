import { Combobox } from '@base-ui/react/combobox';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { type Device, type DeviceFilter, deviceQuery, devicesQuery, deviceTitle } from '../api/fleet.ts';
import { Field } from '../ui/field.tsx';
import { Icon } from '../ui/icon.tsx';

interface DeviceFieldProps {
  readonly label: string;
  /** What is searched, in the singular and plural. */
  readonly noun: readonly [one: string, many: string];
  readonly filter?: DeviceFilter;
  readonly fault?: string | undefined;
  readonly value: string;
  readonly onValue: (id: string) => void;
}

const SHOWN = 20;

/** Picks an active device by searching the fleet as one types. */
export function DeviceField({ label, noun: [one, many], filter, fault, value, onValue }: DeviceFieldProps) {
  const [text, setText] = useState('');
  const [picked, setPicked] = useState<Device | null>(null);
  const given = useQuery({
    ...deviceQuery(value),
    enabled: value !== '' && picked?.id !== value,
    retry: false,
  });
  const chosen = value === '' ? null : picked?.id === value ? picked : (given.data ?? null);
  const q = chosen && text === deviceTitle(chosen) ? '' : text.trim();
  const found = useQuery({
    ...devicesQuery({
      ...filter,
      state: 'active',
      sort: 'name',
      order: 'asc',
      limit: String(SHOWN),
      ...(q ? { q } : {}),
    }),
    placeholderData: keepPreviousData,
  });
  const items = found.data?.items ?? [];

  return (
    <Field label={label} fault={fault}>
      {(control) => (
        <Combobox.Root
          items={items}
          filter={null}
          value={chosen}
          onValueChange={(device: Device | null) => {
            setPicked(device);
            onValue(device?.id ?? '');
          }}
          onInputValueChange={setText}
          itemToStringLabel={deviceTitle}
          isItemEqualToValue={(item: Device, selected: Device) => item.id === selected.id}
        >
          <div className="search">
            <Icon name="search" />
            <Combobox.Input {...control} className="input" placeholder={`Search ${many} by name or UUID`} />
          </div>
          <Combobox.Portal>
            <Combobox.Positioner className="menu-positioner" sideOffset={5} align="start">
              <Combobox.Popup className="menu match-anchor">
                <Combobox.Empty className="menu-empty">
                  {found.isPending ? 'Searching…' : q ? `No ${one} matches.` : `There are no ${many} yet.`}
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
      )}
    </Field>
  );
}
