/** The product's mark and name. */
export function Brand() {
  return (
    <span className="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="var(--accent-fill)" />
        <g fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round">
          <path d="M9.5 13.2a9.2 9.2 0 0 1 13 0" />
          <path d="M12.6 17.1a4.9 4.9 0 0 1 6.8 0" />
        </g>
        <circle cx="16" cy="21.6" r="2.3" fill="#fff" />
      </svg>
      Simple IoT Server
    </span>
  );
}
