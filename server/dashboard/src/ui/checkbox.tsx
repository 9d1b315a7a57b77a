import { Checkbox as Base } from '@base-ui/react/checkbox';
import { Icon } from './icon.tsx';

interface CheckboxProps {
  readonly label: string;
  readonly checked: boolean;
  readonly some?: boolean;
  readonly onChange: (checked: boolean) => void;
}

/** A checkbox without a visible label, as in the rows of a table. */
export function Checkbox({ label, checked, some = false, onChange }: CheckboxProps) {
  return (
    <Base.Root
      className="checkbox"
      aria-label={label}
      checked={checked}
      indeterminate={some && !checked}
      onCheckedChange={onChange}
      onClick={(event) => event.stopPropagation()}
    >
      <Base.Indicator>
        <Icon name={checked ? 'check' : 'minus'} size={13} />
      </Base.Indicator>
    </Base.Root>
  );
}
