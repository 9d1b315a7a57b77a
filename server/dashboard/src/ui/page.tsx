import { type ReactNode, useEffect } from 'react';
import { Link } from 'wouter';
import { Icon } from './icon.tsx';

interface PageProps {
  readonly title: string;
  readonly heading?: ReactNode;
  readonly description?: ReactNode;
  readonly actions?: ReactNode;
  readonly back?: { readonly href: string; readonly label: string };
  readonly narrow?: boolean;
  readonly children: ReactNode;
}

/** The frame of every page: its heading, what it is for, its actions. Names the browser's tab. */
export function Page({ title, heading, description, actions, back, narrow, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Simple IoT Server`;
  }, [title]);
  return (
    <div className={narrow ? 'page narrow' : 'page'}>
      <div className="page-head">
        <div>
          {back && (
            <Link href={back.href} className="crumb">
              <Icon name="left" size={14} /> {back.label}
            </Link>
          )}
          <h1>{heading ?? title}</h1>
          {description && <p>{description}</p>}
        </div>
        {actions && <div className="row-wrap">{actions}</div>}
      </div>
      {children}
    </div>
  );
}

interface CardProps {
  readonly title?: string;
  readonly description?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  /** Whether the content reaches the card's edges, as tables do. */
  readonly flush?: boolean;
}

export function Card({ title, description, actions, children, flush }: CardProps) {
  return (
    <section className="card" {...(title ? { 'aria-label': title } : {})}>
      {title && (
        <header>
          <h2>{title}</h2>
          {actions}
          {description && <p>{description}</p>}
        </header>
      )}
      {flush ? children : <div className="body">{children}</div>}
    </section>
  );
}
