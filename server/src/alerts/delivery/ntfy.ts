import type { AlertNotification } from '../../../contract/api/alert-channels.ts';
import { textOf } from './notification.ts';

/** What ntfy takes as a message; a longer one would become an attachment. */
const MAX_MESSAGE_BYTES = 3_800;
const HIGH = 4;
const NORMAL = 3;

/** A request that publishes as JSON (docs.ntfy.sh, "Publish as JSON"): to the server's root, with the topic in the body. */
export function ntfyRequest(topicUrl: string, notification: AlertNotification, token: string | null) {
  const { href: server } = new URL('.', topicUrl);
  const { pathname } = new URL(topicUrl);
  const fires = notification.data.firing > 0;
  return {
    url: server,
    headers: {
      'content-type': 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      topic: pathname.slice(pathname.lastIndexOf('/') + 1),
      title: notification.data.title,
      message: cut(textOf(notification)),
      priority: fires ? HIGH : NORMAL,
      tags: [fires ? 'rotating_light' : notification.data.resolved > 0 ? 'white_check_mark' : 'bell'],
    }),
  };
}

function cut(text: string): string {
  if (Buffer.byteLength(text) <= MAX_MESSAGE_BYTES) return text;
  const bytes = Buffer.from(text).subarray(0, MAX_MESSAGE_BYTES);
  return `${new TextDecoder().decode(bytes, { stream: true })}…`;
}
