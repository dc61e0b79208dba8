import { EventPattern, Payload } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { BusController, rabbitServer } from '#libs/bus';
import { LauncherFacts, type NodeReport } from '#libs/contracts';

/** Stands where the gatekeeper does, and takes what a launcher tells of nodes. */
export class FactSink {
  /** As told last. */
  readonly nodes = new Map<string, NodeReport>();
  facts = 0;
  /** Of all facts, as JSON. */
  bytes = 0;
  #told = (): void => {};

  private constructor(private app: { close(): Promise<void> }) {}

  static async start(url: string): Promise<FactSink> {
    const sink = new FactSink({ close: async () => {} });
    @BusController()
    class Facts {
      @EventPattern(LauncherFacts.launcherUp.pattern)
      up(@Payload() _nothing: unknown): void {}

      @EventPattern(LauncherFacts.nodes.pattern)
      nodes(@Payload() payload: unknown): void {
        sink.nodes.clear();
        sink.#take(LauncherFacts.nodes.schema.parse(payload).nodes, []);
      }

      @EventPattern(LauncherFacts.nodesChanged.pattern)
      changed(@Payload() payload: unknown): void {
        const { nodes, gone } = LauncherFacts.nodesChanged.schema.parse(payload);
        sink.#take(nodes, gone);
      }
    }
    const module = await Test.createTestingModule({ controllers: [Facts] }).compile();
    const strategy = await rabbitServer({ url, name: 'bench', serves: 'gatekeeper', drainMs: 0 });
    const app = module.createNestMicroservice({ strategy, logger: false });
    sink.app = app;
    await app.listen();
    return sink;
  }

  /** Resolves when what was told is so. @throws Error after `seconds` */
  until(isSo: () => boolean, seconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`Not told within ${seconds} s`)), seconds * 1000);
      this.#told = () => {
        if (!isSo()) return;
        clearTimeout(late);
        this.#told = () => {};
        resolve();
      };
      this.#told();
    });
  }

  close(): Promise<void> {
    return this.app.close();
  }

  #take(nodes: readonly NodeReport[], gone: readonly string[]): void {
    for (const id of gone) this.nodes.delete(id);
    for (const node of nodes) this.nodes.set(node.id, node);
    this.facts += 1;
    this.bytes += JSON.stringify({ nodes, gone }).length;
    this.#told();
  }
}
