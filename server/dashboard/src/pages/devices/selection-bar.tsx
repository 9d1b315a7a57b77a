import type { Device } from '../../api/fleet.ts';
import type { ActionRequest } from '../../fleet/action-dialog.tsx';
import { type ActionName, actions } from '../../fleet/actions.ts';
import { plural } from '../../format/number.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { Menu, type MenuEntry } from '../../ui/menu.tsx';

interface SelectionBarProps {
  readonly selected: ReadonlyMap<string, Device>;
  readonly onClear: () => void;
  readonly onAction: (request: ActionRequest) => void;
}

const FIRST: readonly ActionName[] = ['approve', 'rotate', 'revoke'];
const MORE: readonly (readonly ActionName[])[] = [
  ['restore', 'unpair'],
  ['reject', 'delete'],
];

/** What can be done to the selected devices. */
export function SelectionBar({ selected, onClear, onAction }: SelectionBarProps) {
  const devices = [...selected.values()];
  const applies = (name: ActionName) => devices.some(actions[name].appliesTo);
  const entry = (name: ActionName): MenuEntry => ({
    label: actions[name].label,
    icon: actions[name].icon,
    danger: actions[name].danger ?? false,
    onSelect: () => onAction({ name, devices }),
  });
  return (
    <section className="selection-bar" aria-label="Selection">
      <span className="strong numbers" role="status">
        {plural(devices.length, 'device')} selected
      </span>
      {FIRST.filter(applies).map((name) => (
        <Button key={name} small icon={actions[name].icon} onClick={() => onAction({ name, devices })}>
          {actions[name].label}
        </Button>
      ))}
      <Menu
        trigger={<IconButton small label="More actions" icon="more" />}
        groups={MORE.map((group) => group.filter(applies).map(entry))}
        side="top"
      />
      <IconButton small label="Clear the selection" icon="close" onClick={onClear} />
    </section>
  );
}
