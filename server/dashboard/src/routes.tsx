import { lazy } from 'react';
import { Route, Switch } from 'wouter';
import { loadDataTab } from './pages/device/data/load-data-tab.ts';
import { NotFound } from './pages/not-found.tsx';
import { Overview } from './pages/overview/overview.tsx';

// Each page is a file of its own, loaded when it is first opened.
const load = {
  devices: () => import('./pages/devices/devices.tsx'),
  addDevice: () => import('./pages/add-device/add-device.tsx'),
  device: () => import('./pages/device/device-page.tsx'),
  approvals: () => import('./pages/approvals/approvals.tsx'),
  alerts: () => import('./pages/alerts/alerts.tsx'),
  alertRules: () => import('./pages/alert-rules/alert-rules.tsx'),
  alertRule: () => import('./pages/alert-rules/alert-rule-page.tsx'),
  alertChannels: () => import('./pages/alert-channels/alert-channels.tsx'),
  alertChannel: () => import('./pages/alert-channels/alert-channel-page.tsx'),
  audit: () => import('./pages/audit/audit.tsx'),
  broker: () => import('./pages/broker/broker.tsx'),
  operators: () => import('./pages/operators/operators.tsx'),
  apiKeys: () => import('./pages/api-keys/api-keys.tsx'),
  account: () => import('./pages/account/account.tsx'),
} as const;

const Devices = lazy(async () => ({ default: (await load.devices()).Devices }));
const AddDevice = lazy(async () => ({ default: (await load.addDevice()).AddDevice }));
const DevicePage = lazy(async () => ({ default: (await load.device()).DevicePage }));
const Approvals = lazy(async () => ({ default: (await load.approvals()).Approvals }));
const Alerts = lazy(async () => ({ default: (await load.alerts()).Alerts }));
const AlertRules = lazy(async () => ({ default: (await load.alertRules()).AlertRules }));
const AlertRulePage = lazy(async () => ({ default: (await load.alertRule()).AlertRulePage }));
const AlertChannels = lazy(async () => ({ default: (await load.alertChannels()).AlertChannels }));
const AlertChannelPage = lazy(async () => ({ default: (await load.alertChannel()).AlertChannelPage }));
const Audit = lazy(async () => ({ default: (await load.audit()).Audit }));
const Broker = lazy(async () => ({ default: (await load.broker()).Broker }));
const Operators = lazy(async () => ({ default: (await load.operators()).Operators }));
const ApiKeys = lazy(async () => ({ default: (await load.apiKeys()).ApiKeys }));
const Account = lazy(async () => ({ default: (await load.account()).Account }));

/** What pages are made of, by how their address begins; the first that fits counts. */
const FILES: readonly (readonly [prefix: string, load: () => Promise<unknown>])[] = [
  ['/devices/new', load.addDevice],
  ['/devices/', load.device],
  ['/devices', load.devices],
  ['/approvals', load.approvals],
  ['/alerts/rules/', load.alertRule],
  ['/alerts/rules', load.alertRules],
  ['/alerts/channels/', load.alertChannel],
  ['/alerts/channels', load.alertChannels],
  ['/alerts', load.alerts],
  ['/audit', load.audit],
  ['/broker', load.broker],
  ['/operators', load.operators],
  ['/api-keys', load.apiKeys],
  ['/account', load.account],
];

/** Begins to load the page of an address while the server is still asked who is signed in. */
export function preloadPage(path: string): void {
  const wanted = [
    FILES.find(([prefix]) => path.startsWith(prefix))?.[1],
    path.endsWith('/data') ? loadDataTab : undefined,
  ];
  // Whoever shows the page loads it as well, and reports a failure.
  for (const begin of wanted) begin?.().catch(() => {});
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
