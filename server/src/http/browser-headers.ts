import { secureHeaders } from 'hono/secure-headers';

/** What is the same for all that a browser may load. CORS stays closed: no answer names another origin. */
const common = {
  xFrameOptions: 'DENY',
  strictTransportSecurity: 'max-age=15552000',
} as const;

/** Security headers of answers that are data: a browser that is led to show one runs and loads nothing. */
export const dataHeaders = secureHeaders({
  ...common,
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
});

/** Security headers of the server's own pages: all that they load comes from files of its own origin. */
export const pageHeaders = secureHeaders({
  ...common,
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    formAction: ["'none'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
});
