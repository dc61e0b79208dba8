/** Nodes per block: about the square root of a large cluster, so that finding the best stays far below a full scan. */
const BLOCK = 64;
const NONE = Number.NEGATIVE_INFINITY;

/** The scores of one shape on all nodes by slot, -Infinity where it does not fit, with the best one found quickly. */
export class ScoreCache {
  /** How far in the list of changed nodes this cache has read. */
  readUpTo = 0;
  private readonly scores: Float64Array;
  /** Slot of the best score per block, the lowest of equals. */
  private readonly bestOf: Int32Array;

  constructor(slots: number) {
    const blocks = Math.max(1, Math.ceil(slots / BLOCK));
    this.scores = new Float64Array(blocks * BLOCK).fill(NONE);
    this.bestOf = Int32Array.from({ length: blocks }, (_, block) => block * BLOCK);
  }

  get slots(): number {
    return this.scores.length;
  }

  set(slot: number, score: number): void {
    const { scores, bestOf } = this;
    const block = Math.floor(slot / BLOCK);
    const best = bestOf[block] as number;
    const was = scores[slot] as number;
    scores[slot] = score;
    if (slot === best) {
      if (score < was) this.searchBlock(block);
    } else {
      const top = scores[best] as number;
      if (score > top || (score === top && slot < best)) bestOf[block] = slot;
    }
  }

  score(slot: number): number {
    return this.scores[slot] ?? NONE;
  }

  /** The slot with the highest score, the lowest of equals; -1: fits nowhere. */
  best(): number {
    let best = -1;
    let top = NONE;
    for (const slot of this.bestOf) {
      const score = this.scores[slot] as number;
      if (score > top) {
        top = score;
        best = slot;
      }
    }
    return best;
  }

  private searchBlock(block: number): void {
    const first = block * BLOCK;
    let best = first;
    for (let slot = first + 1; slot < first + BLOCK; slot += 1) {
      if ((this.scores[slot] as number) > (this.scores[best] as number)) best = slot;
    }
    this.bestOf[block] = best;
  }
}
