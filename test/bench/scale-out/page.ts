import type { Machine, Results } from '../results.js';
import type { Figure } from '../statistics.js';
import type { Asked } from './part.js';

/** Head of the reference page. */
export const PREFACE = `# Scale-out figures

Beamgate as separate services on real PostgreSQL, RabbitMQ and API server, all on one machine: \`npm run bench:scale-out\`
(\`-- --smoke\` for small sizes without a cluster, \`-- --only NAME\` for one part, \`-- --publish\` writes this page). Two gateways,
two gatekeepers of which one stands by, a launcher. How it is measured:

- **cost**: proportional set size of each service 5 s after it was ready, with nothing to do.
- **kernels**: null kernels (\`test/bench/null-kernel\`) on the process host, 16 starts at a time, gateways in turn; each is
  asked for by REST, its channels are opened and stay open, and it executes once. Memory is taken after 5 s of rest at each
  number. Descriptors and memory after the end of all say what stays.
- **leak**: the same kernels come and go in rounds; what a service holds after a full collection of garbage is compared between
  the first round and the last.
- **returns**: the launcher, then the leading gatekeeper, is killed among kernels with open sockets; then a new kernel is asked for.
- **messages**: four null kernels flood at once, first through one gateway, then through two; the clients run in the same
  process. Each message is numbered, and those that never came are counted.
- **failover**: \`kill -9\` of the gatekeeper that leads. A decision: a kernel that runs is ended, asked for until somebody takes
  it, and the first that waits has its place. The killed one comes back as the standby.
- **submissions**: kernel requests at a fixed rate over RabbitMQ with confirms and PostgreSQL with commits, both flushing to disk;
  nothing is launched. Times are from when a request was due.
- **informers**: nodes and pods of somebody else in a real API server without kubelets, as large as real ones (20 labels, 50
  images), followed by the launcher. In sync: from its start until it has told of all nodes.
- **pod-starts**: from the POST to the kernel_info_reply of an ipykernel in a pod of two containers, on one real node. The pool has been
  full for 5 s at the beginning of each measurement, and the services have made \`before\` starts: they compile what runs often.
  Cold starts begin at any moment of the second in which the kubelet looks once at what runs: from there comes a pod's address.
  PostgreSQL and RabbitMQ flush to disk. Client, services and cluster share the machine.
- **requests**: what the API server was asked for by the service's user for one start, by its own count.
`;

const round = (value: number): string => {
  if (Number.isInteger(value)) return value.toLocaleString('en');
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
};

const cell = ({ median, min, max }: Figure): string =>
  min === max ? round(median) : `${round(median)} (${round(min)}–${round(max)})`;

const wanted = (asked: Asked | undefined): string => {
  if (!asked) return '';
  return 'most' in asked ? `≤ ${round(asked.most)}` : `≥ ${round(asked.least)}`;
};

const falls = ({ median }: Figure, asked: Asked | undefined): boolean =>
  asked !== undefined && ('most' in asked ? median > asked.most : median < asked.least);

/** One table for each part: figure, median of the repeats with the least and the greatest, and what is asked. */
export function page(
  machine: Machine,
  parts: ReadonlyMap<string, { size: object; figures: ReturnType<Results['figures']> }>,
  asked: ReadonlyMap<string, Asked>,
  repeats: number,
): string {
  const tables = [...parts].map(([name, { size, figures }]) => {
    const sizes = Object.entries(size).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
    const rows = Object.entries(figures).map(([title, { unit, subjects }]) => {
      const found = subjects[''] as Figure;
      const of = asked.get(`${name}: ${title}`);
      return `| ${title}, ${unit} | ${cell(found)} | ${wanted(of)}${falls(found, of) ? ', **short**' : ''} |`;
    });
    return [
      `## ${name}`,
      '',
      ...(sizes.length > 0 ? [`Sizes: ${sizes.join(', ')}.`, ''] : []),
      '| figure | value | asked |',
      '| --- | --- | --- |',
      ...rows,
      '',
    ];
  });
  return [
    `${machine.cores} cores of ${machine.processor}, ${machine.memoryGiB} GiB, ${machine.kernel}, Node ${machine.node}, Python`,
    `${machine.python}. ${repeats === 1 ? 'One run' : `${repeats} repeats; each figure is their median, with the least and the greatest`}.`,
    '',
    ...tables.flat(),
  ].join('\n');
}
