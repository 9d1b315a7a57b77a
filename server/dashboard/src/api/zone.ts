/** The time zone of the browser, which buckets and days follow. */
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
