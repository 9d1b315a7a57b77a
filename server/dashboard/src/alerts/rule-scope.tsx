import type { AlertScope } from '../api/alerts.ts';
import { DeviceLink } from '../fleet/device-link.tsx';

/** The devices that a rule watches. */
export function RuleScope({ scope }: { readonly scope: AlertScope }) {
  if (scope.kind === 'all') return <>all devices</>;
  if (scope.kind === 'device') return <DeviceLink id={scope.device} />;
  return (
    <>
      devices with the tag <span className="tag">{scope.tag}</span>
    </>
  );
}
