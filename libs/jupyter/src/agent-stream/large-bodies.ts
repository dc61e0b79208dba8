const LARGE_BYTES = 128 * 1024;
const LARGEST_POOLED_BYTES = 8 * 1024 * 1024;
const POOL_BYTES = 16 * 1024 * 1024;

const free = new Map<number, Buffer[]>();
const lent = new WeakSet<ArrayBufferLike>();
let freeBytes = 0;

/**
 * Memory for a frame's body. Large ones come from a pool: without it each gigabyte of 1 MB messages cost 1.7 s of
 * garbage collection. Whoever is done with a body may `recycleBody` it; one that is only dropped is collected as usual.
 */
export function allocateBody(length: number): Buffer {
  if (length < LARGE_BYTES || length > LARGEST_POOLED_BYTES) return Buffer.allocUnsafeSlow(length);
  const capacity = 2 ** Math.ceil(Math.log2(length));
  const pooled = free.get(capacity)?.pop();
  if (pooled !== undefined) freeBytes -= capacity;
  const whole = pooled ?? Buffer.allocUnsafeSlow(capacity);
  lent.add(whole.buffer);
  return whole.subarray(0, length);
}

/** Gives a body back, once; its bytes change soon after. Buffers that were not lent are left alone. */
export function recycleBody(body: Buffer): void {
  if (body.length < LARGE_BYTES || !lent.delete(body.buffer)) return;
  const capacity = body.buffer.byteLength;
  if (freeBytes + capacity > POOL_BYTES) return;
  freeBytes += capacity;
  const same = free.get(capacity);
  if (same === undefined) free.set(capacity, [Buffer.from(body.buffer)]);
  else same.push(Buffer.from(body.buffer));
}
