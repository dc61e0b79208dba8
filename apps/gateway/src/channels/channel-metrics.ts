import { Injectable } from '@nestjs/common';
import { Counter, Gauge, type Registry, register } from 'prom-client';

/** Sockets, messages and bytes of the channel relay. Counted in plain numbers; turned into samples when read. */
@Injectable()
export class ChannelMetrics {
  sockets = 0;
  readonly #messages = { in: 0, out: 0 };
  readonly #bytes = { in: 0, out: 0 };

  /** Adds the metrics to `registry`; once per registry. */
  register(registry: Registry = register): void {
    const registers = [registry];
    const metrics = this;
    new Gauge({
      name: 'beamgate_channel_sockets',
      help: 'Open channel sockets of clients',
      registers,
      collect() {
        this.set(metrics.sockets);
      },
    });
    this.#counter('beamgate_channel_messages_total', 'Messages relayed, by direction', this.#messages, registers);
    this.#counter('beamgate_channel_bytes_total', 'Bytes of messages relayed, by direction', this.#bytes, registers);
  }

  fromClient(bytes: number): void {
    this.#messages.in += 1;
    this.#bytes.in += bytes;
  }

  toClient(bytes: number): void {
    this.#messages.out += 1;
    this.#bytes.out += bytes;
  }

  #counter(name: string, help: string, totals: { in: number; out: number }, registers: Registry[]): void {
    new Counter({
      name,
      help,
      labelNames: ['direction'],
      registers,
      collect() {
        this.reset();
        this.inc({ direction: 'from_client' }, totals.in);
        this.inc({ direction: 'to_client' }, totals.out);
      },
    });
  }
}
