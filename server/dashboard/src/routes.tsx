import { Route, Switch } from 'wouter';
import { DataTab } from './pages/device/tabs.ts';
import { NotFound } from './pages/not-found.tsx';
import { Overview } from './pages/overview/overview.tsx';
import { loadable } from './ui/loadable.tsx';

// Each page is a file of its own, loaded when it is first opened.
const Devices = loadable(async () => (await import('./pages/devices/devices.tsx')).Devices);
const AddDevice = loadable(async () => (await import('./pages/add-device/add-device.tsx')).AddDevice);
const DevicePage = loadable(async () => (await import('./pages/device/device-page.tsx')).DevicePage);
const Approvals = loadable(async () => (await import('./pages/approvals/approvals.tsx')).Approvals);
const Alerts = loadable(async () => (await import('./pages/alerts/alerts.tsx')).Alerts);
const AlertRules = loadable(async () => (await import('./pages/alert-rules/alert-rules.tsx')).AlertRules);
const AlertRulePage = loadable(
  async () => (await import('./pages/alert-rules/alert-rule-page.tsx')).AlertRulePage,
);
const AlertChannels = loadable(
  async () => (await import('./pages/alert-channels/alert-channels.tsx')).AlertChannels,
);
const AlertChannelPage = loadable(
  async () => (await import('./pages/alert-channels/alert-channel-page.tsx')).AlertChannelPage,
);
const Audit = loadable(async () => (await import('./pages/audit/audit.tsx')).Audit);
const Broker = loadable(async () => (await import('./pages/broker/broker.tsx')).Broker);
const Operators = loadable(async () => (await import('./pages/operators/operators.tsx')).Operators);
const ApiKeys = loadable(async () => (await import('./pages/api-keys/api-keys.tsx')).ApiKeys);
const Account = loadable(async () => (await import('./pages/account/account.tsx')).Account);

/** What pages are made of, by how their address begins; the first that fits counts. */
const FILES: readonly (readonly [prefix: string, page: { preload(): Promise<void> }])[] = [
  ['/devices/new', AddDevice],
  ['/devices/', DevicePage],
  ['/devices', Devices],
  ['/approvals', Approvals],
  ['/alerts/rules/', AlertRulePage],
  ['/alerts/rules', AlertRules],
  ['/alerts/channels/', AlertChannelPage],
  ['/alerts/channels', AlertChannels],
  ['/alerts', Alerts],
  ['/audit', Audit],
  ['/broker', Broker],
  ['/operators', Operators],
  ['/api-keys', ApiKeys],
  ['/account', Account],
];

/** Loads the files of an address, so that its page is there at once. */
export async function preloadPage(path: string): Promise<void> {
  const page = FILES.find(([prefix]) => path.startsWith(prefix))?.[1];
  await Promise.all([page?.preload(), path.endsWith('/data') ? DataTab.preload() : undefined]);
}

/** Every page and its address. */
export function Routes() {
  return (
    <Switch>
      <Route path="/" component={Overview} />
      <Route path="/devices" component={Devices} />
      <Route path="/devices/new" component={AddDevice} />
      <Route path="/devices/:id/:tab?">{({ id, tab }) => <DevicePage key={id} id={id} tab={tab} />}</Route>
      <Route path="/approvals" component={Approvals} />
      <Route path="/alerts" component={Alerts} />
      <Route path="/alerts/rules" component={AlertRules} />
      <Route path="/alerts/rules/:id">{({ id }) => <AlertRulePage key={id} id={id} />}</Route>
      <Route path="/alerts/channels" component={AlertChannels} />
      <Route path="/alerts/channels/:id">{({ id }) => <AlertChannelPage key={id} id={id} />}</Route>
      <Route path="/audit" component={Audit} />
      <Route path="/broker" component={Broker} />
      <Route path="/operators" component={Operators} />
      <Route path="/api-keys" component={ApiKeys} />
      <Route path="/account" component={Account} />
      <Route component={NotFound} />
    </Switch>
  );
}
