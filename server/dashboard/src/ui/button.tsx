import type { ComponentProps, ReactNode } from 'react';
import { Link } from 'wouter';
import { Icon, type IconName } from './icon.tsx';

interface ButtonProps extends Omit<ComponentProps<'button'>, 'className'> {
  readonly kind?: 'default' | 'primary' | 'danger' | 'ghost';
  readonly small?: boolean;
  readonly wide?: boolean;
  readonly icon?: IconName;
  /** Whether what it started is under way: it shows so, and takes no second press. */
  readonly busy?: boolean;
}

export function Button({
  kind = 'default',
  small,
  wide,
  icon,
  busy,
  children,
  onClick,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={buttonClass(kind, small, wide)}
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      {busy ? <span className="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ComponentProps<'button'>, 'className' | 'children'> {
  readonly label: string;
  readonly icon: IconName;
  readonly small?: boolean;
}

/** A button of an icon alone; its label is read out, and shown when the pointer rests on it. */
export function IconButton({ label, icon, small, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      title={label}
      aria-label={label}
      {...rest}
      className={`${buttonClass('ghost', small)} icon-only`}
    >
      <Icon name={icon} />
    </button>
  );
}

interface ButtonLinkProps {
  readonly href: string;
  readonly kind?: 'default' | 'primary' | 'ghost';
  readonly small?: boolean;
  readonly icon?: IconName;
  readonly children: ReactNode;
}

export function ButtonLink({ href, kind = 'default', small, icon, children }: ButtonLinkProps) {
  return (
    <Link href={href} className={buttonClass(kind, small)}>
      {icon && <Icon name={icon} />}
      {children}
    </Link>
  );
}

export function buttonClass(kind: string, small?: boolean, wide?: boolean): string {
  return ['button', kind, small ? 'small' : '', wide ? 'wide' : ''].filter(Boolean).join(' ');
}
