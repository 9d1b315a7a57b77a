import { lazy } from 'react';
import { Route, Switch } from 'wouter';
import { NotFound } from './pages/not-found.tsx';
import { Overview } from './pages/overview/overview.tsx';

// Each page is a file of its own, loaded when it is first opened.
const Devices = lazy(async () => ({ default: (await import('./pages/devices/devices.tsx')).Devices }));
const AddDevice = lazy(async () => ({
  default: (await import('./pages/add-device/add-device.tsx')).AddDevice,
}));
const DevicePage = lazy(async () => ({
  default: (await import('./pages/device/device-page.tsx')).DevicePage,
}));
const Approvals = lazy(async () => ({
  default: (await import('./pages/approvals/approvals.tsx')).Approvals,
}));
const Alerts = lazy(async () => ({ default: (await import('./pages/alerts/alerts.tsx')).Alerts }));
const AlertRules = lazy(async () => ({
  default: (await import('./pages/alert-rules/alert-rules.tsx')).AlertRules,
}));
const AlertRulePage = lazy(async () => ({
  default: (await import('./pages/alert-rules/alert-rule-page.tsx')).AlertRulePage,
}));
const AlertChannels = lazy(async () => ({
  default: (await import('./pages/alert-channels/alert-channels.tsx')).AlertChannels,
}));
const AlertChannelPage = lazy(async () => ({
  default: (await import('./pages/alert-channels/alert-channel-page.tsx')).AlertChannelPage,
}));
const Audit = lazy(async () => ({ default: (await import('./pages/audit/audit.tsx')).Audit }));
const Broker = lazy(async () => ({ default: (await import('./pages/broker/broker.tsx')).Broker }));
const Operators = lazy(async () => ({
  default: (await import('./pages/operators/operators.tsx')).Operators,
}));
const ApiKeys = lazy(async () => ({ default: (await import('./pages/api-keys/api-keys.tsx')).ApiKeys }));
const Account = lazy(async () => ({ default: (await import('./pages/account/account.tsx')).Account }));

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
