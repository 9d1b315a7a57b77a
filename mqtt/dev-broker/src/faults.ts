/** What REST does instead of answering: nothing at all (`hang`), or an answer with that status. */
export type ApiFault = 'hang' | number;

/** Picks calls by method and path below `/api/v5`. */
export type CallFilter = (method: string, path: string) => boolean;

/** The fault that REST plays at the moment, asked at each request. */
export class ApiFaults {
  private fault: ApiFault | null = null;
  private applies: CallFilter = () => true;

  set(fault: ApiFault | null, applies: CallFilter = () => true): void {
    this.fault = fault;
    this.applies = applies;
  }

  of(method: string, path: string): ApiFault | null {
    return this.applies(method, path) ? this.fault : null;
  }
}
