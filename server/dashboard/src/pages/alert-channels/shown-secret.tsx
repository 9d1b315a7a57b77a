import { CodeBlock } from '../../ui/copy.tsx';
import { Notice } from '../../ui/notice.tsx';

/** The signing secret of a webhook, the only time that it is shown. */
export function ShownSecret({ secret }: { readonly secret: string }) {
  return (
    <>
      <Notice tone="warn">
        This is the only time the secret is shown. Store it where the receiver checks signatures.
      </Notice>
      <CodeBlock text={secret} label="Signing secret" />
      <p className="quiet small">
        The headers <code>webhook-id</code>, <code>webhook-timestamp</code> and <code>webhook-signature</code>{' '}
        are those of Standard Webhooks, for which there are libraries in most languages.
      </p>
    </>
  );
}
