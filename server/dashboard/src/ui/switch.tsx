import { Switch as Base } from '@base-ui/react/switch';

interface SwitchProps {
  readonly label: string;
  readonly checked: boolean;
  readonly busy?: boolean;
  readonly onChange: (checked: boolean) => void;
}

/** Turns something on or off at once. */
export function Switch({ label, checked, busy = false, onChange }: SwitchProps) {
  return (
    <Base.Root
      className="switch"
      aria-label={label}
      checked={checked}
      readOnly={busy}
      onCheckedChange={onChange}
    >
      <Base.Thumb className="switch-thumb" />
    </Base.Root>
  );
}
