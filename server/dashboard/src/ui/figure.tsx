import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { count } from '../format/number.ts';

interface FigureProps {
  readonly label: string;
  /** Undefined while it is on its way. */
  readonly value: ReactNode | undefined;
  readonly note: string | undefined;
  /** Colour of the dot before the label. */
  readonly tone?: string;
  /** What it counts, as a page. */
  readonly href?: string;
}

/** One number with what it counts. */
export function Figure({ label, value, note, tone, href }: FigureProps) {
  const content = (
    <>
      <span className="row figure-label">
        {tone && <span className={`dot ${tone}`} aria-hidden="true" />}
        {label}
      </span>
      <span className="figure-value">
        {value === undefined ? (
          <span className="skeleton" />
        ) : typeof value === 'number' ? (
          count(value)
        ) : (
          value
        )}
      </span>
      <span className="figure-note">{note ?? ' '}</span>
    </>
  );
  if (!href) return <div className="card figure">{content}</div>;
  return (
    <Link href={href} className="card figure linked">
      {content}
    </Link>
  );
}
