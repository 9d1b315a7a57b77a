import { DeviceField } from './device-field.tsx';

interface MasterFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (id: string) => void;
}

/** Picks a master by searching the fleet as one types. */
export function MasterField(props: MasterFieldProps) {
  return <DeviceField {...props} noun={['master', 'masters']} filter={{ role: 'master' }} />;
}
