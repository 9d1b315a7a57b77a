import { Dialog as Base } from '@base-ui/react/dialog';
import type { FormEvent, ReactNode } from 'react';
import { Button } from './button.tsx';
import { Icon, type IconName } from './icon.tsx';
import { Failure } from './notice.tsx';

interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly description?: ReactNode;
  readonly wide?: boolean;
  readonly children?: ReactNode;
  readonly foot?: ReactNode;
  /** With it the whole dialog is a form. */
  readonly onSubmit?: () => void;
}

export function Dialog({ open, onClose, title, description, wide, children, foot, onSubmit }: DialogProps) {
  const content = (
    <>
      <div className="dialog-head">
        <Base.Title>{title}</Base.Title>
        {description && <Base.Description>{description}</Base.Description>}
      </div>
      {children && <div className="dialog-body">{children}</div>}
      {foot && <div className="dialog-foot">{foot}</div>}
    </>
  );
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="backdrop" />
        <Base.Popup
          className={wide ? 'dialog wide' : 'dialog'}
          {...(onSubmit
            ? {
                render: (
                  <form
                    noValidate
                    onSubmit={(event: FormEvent) => {
                      event.preventDefault();
                      onSubmit();
                    }}
                  />
                ),
              }
            : {})}
        >
          {content}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

export interface Consequence {
  readonly icon: IconName;
  readonly text: ReactNode;
}

interface ConfirmProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly description?: ReactNode;
  /** What will happen, one effect a line. */
  readonly consequences: readonly Consequence[];
  readonly confirm: string;
  readonly danger?: boolean;
  readonly busy: boolean;
  readonly error?: unknown;
  readonly onConfirm: () => void;
  readonly children?: ReactNode;
}

/** Says what a change will do before it is made. */
export function Confirm(props: ConfirmProps) {
  const { open, onClose, title, description, consequences, confirm, danger, busy, error, onConfirm } = props;
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={title}
      description={description}
      onSubmit={busy ? () => {} : onConfirm}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind={danger ? 'danger' : 'primary'} busy={busy}>
            {confirm}
          </Button>
        </>
      }
    >
      {consequences.length > 0 && (
        <ul className="consequences">
          {consequences.map(({ icon, text }) => (
            <li key={icon}>
              <Icon name={icon} />
              <span>{text}</span>
            </li>
          ))}
        </ul>
      )}
      {props.children}
      {error != null && <Failure error={error} />}
    </Dialog>
  );
}
