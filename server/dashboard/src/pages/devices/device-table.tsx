import { createColumnHelper, tableFeatures, useTable } from '@tanstack/react-table';
import { useMemo } from 'react';
import { Link, useLocation } from 'wouter';
import { type Device, type DeviceQuery, deviceTitle } from '../../api/fleet.ts';
import { DeviceLink } from '../../fleet/device-link.tsx';
import { DeviceStatus, roleName } from '../../fleet/device-status.tsx';
import { count } from '../../format/number.ts';
import { Checkbox } from '../../ui/checkbox.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Ago } from '../../ui/time.tsx';
import { ValueCell } from './value-cell.tsx';

interface DeviceTableProps {
  /** Undefined while the first page is on its way. */
  readonly devices: readonly Device[] | undefined;
  readonly query: DeviceQuery;
  readonly onSort: (sort: string, order: string) => void;
  readonly onTag: (tag: string) => void;
  readonly selectable: boolean;
  readonly selected: ReadonlyMap<string, Device>;
  readonly onSelect: (selected: ReadonlyMap<string, Device>) => void;
}

const features = tableFeatures({});
const helper = createColumnHelper<typeof features, Device>();
const NO_DEVICES: Device[] = [];

const columns = helper.columns([
  helper.display({
    id: 'name',
    header: 'Name',
    cell: ({ row }) => <NameCell device={row.original} />,
  }),
  helper.display({
    id: 'status',
    header: 'Status',
    cell: ({ row }) => <DeviceStatus device={row.original} />,
  }),
  helper.display({
    id: 'role',
    header: 'Role',
    cell: ({ row }) => roleName(row.original.role),
  }),
  helper.display({
    id: 'pairing',
    header: 'Pairing',
    cell: ({ row }) => <PairingCell device={row.original} />,
  }),
  helper.display({
    id: 'value',
    header: 'Last value',
    cell: ({ row }) => <ValueCell id={row.original.id} />,
  }),
  helper.display({
    id: 'lastSeenAt',
    header: 'Last seen',
    cell: ({ row }) => <Ago at={row.original.lastSeenAt} />,
  }),
  helper.display({
    id: 'createdAt',
    header: 'Added',
    cell: ({ row }) => <Ago at={row.original.createdAt} />,
  }),
]);

const SORTABLE: Readonly<Record<string, string>> = { name: 'asc', lastSeenAt: 'desc', createdAt: 'desc' };
const NARROW: Readonly<Record<string, string>> = {
  role: 'hide-s',
  pairing: 'hide-s',
  value: 'hide-m',
  lastSeenAt: 'hide-s',
  createdAt: 'hide-m',
};

/** One page of devices. A click on a row opens the device; its name is the link for keyboards. */
export function DeviceTable(props: DeviceTableProps) {
  const { devices, query, onSort, selectable, selected, onSelect } = props;
  const [, navigate] = useLocation();
  const data = useMemo(() => (devices ? [...devices] : NO_DEVICES), [devices]);
  const table = useTable({ features, columns, data, getRowId: (device: Device) => device.id });
  const onPage = data.filter(({ id }) => selected.has(id)).length;

  function select(changed: readonly Device[], chosen: boolean) {
    const next = new Map(selected);
    for (const device of changed) {
      if (chosen) next.set(device.id, device);
      else next.delete(device.id);
    }
    onSelect(next);
  }

  return (
    <div className="table-frame">
      <table className="table">
        <caption className="visually-hidden">Devices</caption>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {selectable && (
                <th className="check" scope="col">
                  <Checkbox
                    label="Select all devices of this page"
                    checked={onPage > 0 && onPage === data.length}
                    some={onPage > 0}
                    onChange={(checked) => select(data, checked)}
                  />
                </th>
              )}
              {group.headers.map((header) => (
                <th
                  key={header.id}
                  scope="col"
                  className={NARROW[header.id]}
                  aria-sort={ariaSort(query, header.id)}
                >
                  {SORTABLE[header.id] ? (
                    <SortButton column={header.id} query={query} onSort={onSort}>
                      <table.FlexRender header={header} />
                    </SortButton>
                  ) : (
                    <table.FlexRender header={header} />
                  )}
                </th>
              ))}
            </tr>
          ))}
        </thead>
        <tbody>
          {devices === undefined && <SkeletonRows columns={columns.length + (selectable ? 1 : 0)} />}
          {table.getRowModel().rows.map((row) => (
            <tr
              key={row.id}
              className="linked"
              aria-selected={selected.has(row.id) || undefined}
              onClick={(event) => {
                const inControl =
                  event.target instanceof Element && event.target.closest('a, button, [role=checkbox]');
                if (!inControl && !window.getSelection()?.toString()) navigate(`/devices/${row.id}`);
              }}
            >
              {selectable && (
                <td className="check">
                  <Checkbox
                    label={`Select ${deviceTitle(row.original)}`}
                    checked={selected.has(row.id)}
                    onChange={(checked) => select([row.original], checked)}
                  />
                </td>
              )}
              {row.getAllCells().map((cell) => (
                <td key={cell.id} className={NARROW[cell.column.id]}>
                  <table.FlexRender cell={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NameCell({ device }: { readonly device: Device }) {
  return (
    <div className="device-name">
      <Link href={`/devices/${device.id}`} className="strong truncate">
        {device.name || <span className="quiet">Unnamed</span>}
      </Link>
      <span className="row device-second">
        <code className="quiet truncate">{device.id.slice(0, 8)}</code>
        {device.tags.slice(0, 3).map((tag) => (
          <span key={tag} className="tag hide-s">
            {tag}
          </span>
        ))}
        {device.tags.length > 3 && <span className="quiet small hide-s">+{device.tags.length - 3}</span>}
      </span>
    </div>
  );
}

function PairingCell({ device }: { readonly device: Device }) {
  if (device.role === 'master') {
    return device.agents ? (
      <Link href={`/devices?master=${device.id}`} className="link">
        {count(device.agents)} {device.agents === 1 ? 'agent' : 'agents'}
      </Link>
    ) : (
      <span className="quiet">no agents</span>
    );
  }
  return device.master ? <DeviceLink id={device.master} /> : <span className="quiet">no master</span>;
}

interface SortButtonProps {
  readonly column: string;
  readonly query: DeviceQuery;
  readonly onSort: (sort: string, order: string) => void;
  readonly children: React.ReactNode;
}

function SortButton({ column, query, onSort, children }: SortButtonProps) {
  const sorted = query.sort === column;
  const next = sorted ? (query.order === 'asc' ? 'desc' : 'asc') : (SORTABLE[column] ?? 'asc');
  return (
    <button
      type="button"
      className="sort"
      data-sorted={sorted || undefined}
      onClick={() => onSort(column, next)}
    >
      {children}
      <Icon name={sorted && query.order === 'asc' ? 'up' : 'down'} size={13} />
    </button>
  );
}

function ariaSort(query: DeviceQuery, column: string): 'ascending' | 'descending' | undefined {
  if (query.sort !== column) return undefined;
  return query.order === 'asc' ? 'ascending' : 'descending';
}

const SKELETON_ROWS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

function SkeletonRows({ columns: number }: { readonly columns: number }) {
  return SKELETON_ROWS.map((key, at) => (
    <tr key={key}>
      <td colSpan={number}>
        <span className="skeleton" style={{ width: `${86 - ((at * 17) % 38)}%` }} />
      </td>
    </tr>
  ));
}
