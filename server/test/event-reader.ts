/** An event as it came. */
export interface StreamedEvent<Data> {
  readonly name: string;
  readonly id: string | undefined;
  readonly data: Data;
}

/** Collects the events of an answer of server-sent events; `ended` resolves when the stream has ended. */
export function readEvents<Data>(response: Response): {
  readonly events: StreamedEvent<Data>[];
  readonly ended: Promise<void>;
} {
  const events: StreamedEvent<Data>[] = [];
  let text = '';
  const ended = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = Object.fromEntries(
          block
            .split('\n')
            .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
        );
        if (fields.event)
          events.push({ name: fields.event, id: fields.id, data: JSON.parse(fields.data ?? '') });
      }
    }
  })().catch(() => {});
  return { events, ended };
}
