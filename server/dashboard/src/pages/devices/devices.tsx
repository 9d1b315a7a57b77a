import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useCallback, useRef, useState } from 'react';
import { type Device, devicesQuery, summaryQuery } from '../../api/fleet.ts';
import { useLiveRecords, usePoll } from '../../api/live.ts';
import { useIsAdmin } from '../../api/queries.ts';
import { ActionDialog, type ActionRequest } from '../../fleet/action-dialog.tsx';
import { count, plural } from '../../format/number.ts';
import { Button, ButtonLink, buttonClass } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Empty } from '../../ui/placeholder.tsx';
import { filterOf, PAGE_SIZE, useDeviceListState } from './device-query.ts';
import { DeviceTable } from './device-table.tsx';
import { ImportDialog } from './import-dialog.tsx';
import { SearchBox } from './search-box.tsx';
import { SelectionBar } from './selection-bar.tsx';

const NONE: ReadonlyMap<string, Device> = new Map();

/** All devices: search, filters, pages, and actions on what is selected. */
export function Devices() {
  const state = useDeviceListState();
  const { query, page, change } = state;
  const isAdmin = useIsAdmin();
  const poll = usePoll();
  const list = useQuery({
    ...devicesQuery(query),
    placeholderData: keepPreviousData,
    refetchInterval: poll,
  });
  const filter = filterOf(query);
  const summary = useQuery({
    ...summaryQuery(filter),
    placeholderData: keepPreviousData,
    refetchInterval: poll,
    // What is searched for is counted by the list.
    enabled: !state.isFiltered,
  });
  const [selected, setSelected] = useState(NONE);
  const [action, setAction] = useState<ActionRequest>();
  const [importing, setImporting] = useState(false);
  const cursors = useRef(new Map<number, string | undefined>([[1, undefined]]));
  cursors.current.set(page, query.cursor);

  const search = useCallback((q: string) => change({ q }), [change]);
  const items = list.data?.items ?? [];
  useLiveRecords(items.map(({ id }) => id));
  const total = state.isFiltered ? list.data?.total : summary.data?.total;
  const exportHref = `/api/v1/devices/export.csv?${new URLSearchParams(filter)}`;

  return (
    <Page
      title="Devices"
      description={
        total === undefined
          ? ' '
          : state.isFiltered
            ? `${plural(total, 'device')} match.`
            : `${plural(total, 'device')}, ${count(summary.data?.online ?? 0)} online.`
      }
      actions={
        <>
          <a className={buttonClass('default')} href={exportHref} download>
            <Icon name="download" /> Export
          </a>
          {isAdmin && (
            <>
              <Button icon="upload" onClick={() => setImporting(true)}>
                Import
              </Button>
              <ButtonLink href="/devices/new" kind="primary" icon="plus">
                Add a device
              </ButtonLink>
            </>
          )}
        </>
      }
    >
      <search className="toolbar" aria-label="Devices">
        <SearchBox label="Search by name or UUID" value={query.q ?? ''} onSearch={search} />
        <Filter
          label="Status"
          value={query.state && query.state !== 'active' ? query.state : statusValue(query.online)}
          options={[
            ['', 'Any status'],
            ['online', 'Online'],
            ['offline', 'Offline'],
            ['pending', 'Pending'],
            ['revoked', 'Revoked'],
          ]}
          onValue={(value) => change(statusFilter(value))}
        />
        <Filter
          label="Role"
          value={query.role ?? ''}
          options={[
            ['', 'Any role'],
            ['master', 'Masters'],
            ['agent', 'Agents'],
          ]}
          onValue={(role) => change({ role })}
        />
        <Filter
          label="Pairing"
          value={query.master ?? ''}
          options={[
            ['', 'Paired or not'],
            ['none', 'Agents without a master'],
            ...(query.master && query.master !== 'none'
              ? [[query.master, `Agents of ${query.master.slice(0, 8)}`] as const]
              : []),
          ]}
          onValue={(master) => change({ master })}
        />
        {query.tag && (
          <Button small icon="close" onClick={() => change({ tag: '' })}>
            Tag: {query.tag}
          </Button>
        )}
        {query.flapping && (
          <Button small icon="close" onClick={() => change({ flapping: '' })}>
            Flapping
          </Button>
        )}
        {state.isFiltered && (
          <Button
            kind="ghost"
            onClick={() =>
              change({ q: '', role: '', state: '', online: '', master: '', tag: '', flapping: '' })
            }
          >
            Clear
          </Button>
        )}
      </search>

      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {(!list.error || items.length > 0) && (
        <div className="card" aria-busy={list.isFetching}>
          {list.data && items.length === 0 ? (
            page > 1 ? (
              <Empty
                icon="device"
                title="Nothing is left on this page"
                actions={<Button onClick={() => state.turn(1, undefined)}>First page</Button>}
              >
                Its devices were deleted, or no longer match.
              </Empty>
            ) : (
              <NoDevices filtered={state.isFiltered} isAdmin={isAdmin} />
            )
          ) : (
            <DeviceTable
              devices={list.data ? items : undefined}
              query={query}
              onSort={(sort, order) => change({ sort, order })}
              onTag={(tag) => change({ tag })}
              selectable={isAdmin}
              selected={selected}
              onSelect={setSelected}
            />
          )}
          {items.length > 0 && (
            <div className="pager">
              <span className="numbers" role="status">
                {count((page - 1) * PAGE_SIZE + 1)}–{count((page - 1) * PAGE_SIZE + items.length)}
                {total !== undefined && ` of ${count(total)}`}
              </span>
              <span className="row">
                <Button
                  small
                  icon="left"
                  disabled={page === 1}
                  onClick={() => state.turn(page - 1, cursors.current.get(page - 1))}
                >
                  Previous
                </Button>
                <Button
                  small
                  disabled={!list.data?.next || list.isPlaceholderData}
                  onClick={() => state.turn(page + 1, list.data?.next ?? undefined)}
                >
                  Next <Icon name="right" />
                </Button>
              </span>
            </div>
          )}
        </div>
      )}
      {selected.size > 0 && (
        <SelectionBar selected={selected} onClear={() => setSelected(NONE)} onAction={setAction} />
      )}
      <ActionDialog
        request={action}
        onClose={() => setAction(undefined)}
        onDone={() => setSelected(NONE)}
        onOutcome={(done, left) => setSelected((before) => withOutcome(before, done, left))}
      />
      <ImportDialog open={importing} onClose={() => setImporting(false)} />
    </Page>
  );
}

/** What was done is no longer selected; what was not is tried again as it is now. */
function withOutcome(
  selected: ReadonlyMap<string, Device>,
  done: readonly Device[],
  left: readonly Device[],
): ReadonlyMap<string, Device> {
  const next = new Map(selected);
  for (const { id } of done) next.delete(id);
  for (const device of left) if (next.has(device.id)) next.set(device.id, device);
  return next;
}

interface FilterProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, label: string])[];
  readonly onValue: (value: string) => void;
}

function Filter({ label, value, options, onValue }: FilterProps) {
  return (
    <select
      className="input"
      aria-label={label}
      value={value}
      onChange={(event) => onValue(event.target.value)}
    >
      {options.map(([option, text]) => (
        <option key={option} value={option}>
          {text}
        </option>
      ))}
    </select>
  );
}

function statusValue(online: string | undefined): string {
  if (online === undefined) return '';
  return online === 'true' ? 'online' : 'offline';
}

/** Online and offline are said of active devices; the others cannot connect. */
function statusFilter(value: string): Record<string, string> {
  if (value === 'online' || value === 'offline') {
    return { state: 'active', online: String(value === 'online') };
  }
  return { state: value, online: '' };
}

function NoDevices({ filtered, isAdmin }: { readonly filtered: boolean; readonly isAdmin: boolean }) {
  if (filtered) {
    return (
      <Empty icon="search" title="No device matches">
        Names are searched anywhere in the text, UUIDs from their beginning. Take a filter away to see more.
      </Empty>
    );
  }
  return (
    <Empty
      icon="device"
      title="No devices yet"
      actions={
        isAdmin && (
          <ButtonLink href="/devices/new" kind="primary" icon="plus">
            Add a device
          </ButtonLink>
        )
      }
    >
      Adding one takes two minutes: you get its UUID, its key and a sketch to flash, and this page shows it
      come online.
    </Empty>
  );
}
