interface HealthProps {
  readonly tone: string | undefined;
  readonly text: string;
}

/** How a part of the system is, in a word or two. */
export function Health({ tone, text }: HealthProps) {
  return (
    <span className="status">
      <span className={`dot ${tone ?? 'hollow'}`} aria-hidden="true" />
      {text}
    </span>
  );
}
