import { call, type Gateway } from './gateway.js';
import { eventually } from './processes.js';

export interface KernelView {
  id: string;
  owner: string;
  kernelspec: string;
  phase: string;
  executionState: string;
  endReason: string | null;
  detail: string;
  place?: { node: string; flavor: string; devices: number[] } | null;
  wait?: { position: number; of: number; reason: string; text: string; expectedStart: object | null } | null;
  [more: string]: unknown;
}

/** @throws Error with the refusal */
export async function v1<T>(gateway: Gateway, path: string, init: RequestInit = {}): Promise<T> {
  const response = await call(gateway, path, init);
  if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${path}: ${response.status} ${await response.text()}`);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export const createKernel = (gateway: Gateway, body: object = {}): Promise<KernelView> =>
  v1<KernelView>(gateway, '/v1/kernels', { method: 'POST', body: JSON.stringify(body) });

export const getKernel = (gateway: Gateway, id: string): Promise<KernelView> =>
  v1<KernelView>(gateway, `/v1/kernels/${id}`);

export const listKernels = async (gateway: Gateway): Promise<KernelView[]> =>
  (await v1<{ kernels: KernelView[] }>(gateway, '/v1/kernels')).kernels;

export const endKernel = (gateway: Gateway, id: string): Promise<void> =>
  v1(gateway, `/v1/kernels/${id}`, { method: 'DELETE' });

export const inPhase = (gateway: Gateway, id: string, phase: string): Promise<KernelView> =>
  eventually(
    `kernel ${id} is ${phase}`,
    async () => {
      const kernel = await getKernel(gateway, id);
      if (kernel.phase === 'ended' && phase !== 'ended') {
        throw new Error(`kernel ${id} ended: ${kernel.endReason} ${kernel.detail}`);
      }
      return kernel.phase === phase ? kernel : undefined;
    },
    60,
  );

export interface NewToken {
  id: string;
  token: string;
}

/** A token of the built-in issuer for somebody. */
export const createToken = (gateway: Gateway, body: object): Promise<NewToken> =>
  v1<NewToken>(gateway, '/v1/tokens', { method: 'POST', body: JSON.stringify(body) });

/** The same service as somebody else. */
export const as = (gateway: Gateway, token: string): Gateway =>
  Object.create(gateway, { token: { value: token } }) as Gateway;
