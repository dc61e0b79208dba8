import { AsyncLocalStorage } from 'node:async_hooks';

/** Whose request is being served: put into every line that is logged on its behalf. */
export interface RequestContext {
  requestId: string;
  user?: string;
}

export const requestContext = new AsyncLocalStorage<RequestContext>();
