import { useEffect, useState } from 'react';
import { Button, IconButton } from './button.tsx';

/** Copies `text`; says so for two seconds, also to screen readers. */
function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [copied, copy] = useCopy(text);
  return (
    <>
      <IconButton small label={label} icon={copied ? 'check' : 'copy'} onClick={copy} />
      <span className="visually-hidden" role="status">
        {copied ? 'Copied' : ''}
      </span>
    </>
  );
}

/** A short text in a fixed-width font, with a button that copies it. */
export function Copyable({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <span className="copyable">
      <code className="truncate" title={text}>
        {text}
      </code>
      <CopyButton text={text} label={label} />
    </span>
  );
}

/** Source text with a button that copies all of it. */
export function CodeBlock({ text, label }: { readonly text: string; readonly label: string }) {
  const [copied, copy] = useCopy(text);
  return (
    <div className="code">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section tabIndex={0} aria-label={label}>
        <pre>{text}</pre>
      </section>
      <Button small icon={copied ? 'check' : 'copy'} onClick={copy}>
        {copied ? 'Copied' : 'Copy'}
      </Button>
    </div>
  );
}

function useCopy(text: string): [boolean, () => void] {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  return [copied, () => void writeClipboard(text).then(setCopied)];
}

/** A page that came by plain HTTP has no clipboard API; a selected text can be copied all the same. */
async function writeClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'visually-hidden';
    const host = document.activeElement?.closest('[role=dialog]') ?? document.body;
    host.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    return copied;
  }
}
