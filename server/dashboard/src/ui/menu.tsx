import { Menu as Base } from '@base-ui/react/menu';
import type { ReactElement } from 'react';
import { Icon, type IconName } from './icon.tsx';

export interface MenuEntry {
  readonly label: string;
  readonly icon: IconName;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly onSelect: () => void;
}

interface MenuProps {
  readonly trigger: ReactElement;
  /** Groups of entries, with a line between them. */
  readonly groups: readonly (readonly MenuEntry[])[];
  readonly align?: 'start' | 'end';
  readonly side?: 'top' | 'bottom';
}

export function Menu({ trigger, groups, align = 'end', side = 'bottom' }: MenuProps) {
  const shown = groups.filter((group) => group.length > 0);
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner className="menu-positioner" sideOffset={5} align={align} side={side}>
          <Base.Popup className="menu">
            {shown.map((group, at) => (
              <Base.Group key={group[0]?.label}>
                {at > 0 && <hr />}
                {group.map((entry) => (
                  <Base.Item
                    key={entry.label}
                    className={entry.danger ? 'menu-item bad' : 'menu-item'}
                    disabled={entry.disabled ?? false}
                    onClick={entry.onSelect}
                  >
                    <Icon name={entry.icon} />
                    {entry.label}
                  </Base.Item>
                ))}
              </Base.Group>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
