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

/** All that the server's own pages load comes from files of its own origin. */
const own = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  formAction: ["'none'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
};

/** Security headers of the server's own pages. */
export const pageHeaders = secureHeaders({ ...common, contentSecurityPolicy: own });

/** Security headers of `/docs`: Swagger UI writes style attributes, which cannot be named one by one. */
export const docsHeaders = secureHeaders({
  ...common,
  contentSecurityPolicy: {
    ...own,
    styleSrc: ["'self'", "'unsafe-inline'"],
  },
});
