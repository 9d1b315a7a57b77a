import { html } from 'hono/html';
import { type ProblemKind, problemKinds } from '../http/problem.ts';

type Html = ReturnType<typeof html>;

/** The kind of failure of this name, if there is one. */
export function problemKind(name: string): ProblemKind | undefined {
  return kinds.find((kind) => kind === name);
}

const kinds = Object.keys(problemKinds) as ProblemKind[];

/** What a kind of failure means: the page behind `type` of its answers. */
export function problemPage(kind: ProblemKind): Html {
  const { status, title, meaning } = problemKinds[kind];
  return page(
    title,
    html`<p>${meaning}</p>
      <p>Status ${status}, type <code>/problems/${kind}</code>. <a href="/problems">All kinds of failure</a></p>`,
  );
}

/** All kinds of failure. */
export function problemIndex(): Html {
  return page(
    'Kinds of failure',
    html`<ul>
      ${kinds.map(
        (kind) => html`<li><a href="/problems/${kind}">${kind}</a>: ${problemKinds[kind].title}</li> `,
      )}
    </ul>`,
  );
}

function page(title: string, content: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title}</title>
      </head>
      <body>
        <h1>${title}</h1>
        ${content}
      </body>
    </html>`;
}
