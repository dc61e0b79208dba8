import type { ReadinessCheck } from './readiness.js';

/** Whether messages of the bus come to this process. */
export const busCheck =
  (server: { readonly trouble: string | undefined }): ReadinessCheck =>
  async () => {
    if (server.trouble !== undefined) throw new Error(server.trouble);
  };
