/**
 * Streams a document page by page, so that memory is that of a page however long the document is. The first page is read
 * before this resolves, so that an unreachable database is answered as such; a failure later on breaks the stream off, so
 * that nobody takes a part for the whole.
 */
export async function streamPages(
  pages: AsyncGenerator<string>,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const encoder = new TextEncoder();
  let page = await pages.next();
  return new ReadableStream({
    async pull(controller) {
      if (page.done) return controller.close();
      controller.enqueue(encoder.encode(page.value));
      // Bun prints what breaks a stream off: without the statement and its parameters.
      page = await pages.next().catch(() => {
        throw new Error('the export was broken off: the database cannot be read');
      });
    },
    async cancel() {
      await pages.return(undefined);
    },
  });
}
