import type { Machine, Results } from './results.js';
import type { Figure } from './statistics.js';

const COLUMNS = ['beamgate', 'peer', 'peer-no-delay', 'direct'] as const;
const TITLES = {
  beamgate: 'Beamgate',
  peer: 'peer, stock',
  'peer-no-delay': 'peer, TCP_NODELAY',
  direct: 'direct ZeroMQ',
} as const;
const PEERS = ['peer', 'peer-no-delay'] as const;
/** Units of which more is better. */
const MORE = new Set(['messages/s', 'MB/s']);

/** Units that the row's name says already. */
const COUNTS = new Set(['lines', 'replies', 'kernels', 'messages']);

const round = (value: number): string => {
  if (Number.isInteger(value)) return value.toLocaleString('en');
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
};

const cell = (found: Figure | undefined): string => {
  if (!found) return '–';
  const { median, min, max } = found;
  return min === max ? round(median) : `${round(median)} (${round(min)}–${round(max)})`;
};

/** How many times better than a peer, by the medians; below 1 it is worse. */
const ratio = (unit: string, ours: Figure | undefined, theirs: Figure | undefined): string => {
  if (!ours || !theirs || ours.median <= 0 || theirs.median <= 0) return '–';
  const times = MORE.has(unit) ? ours.median / theirs.median : theirs.median / ours.median;
  return `${round(Math.round(times * 100) / 100)}×`;
};

/** Head of the reference page. */
export const PREFACE = `# Bench results

Beamgate against Jupyter Enterprise Gateway 3.3.0 on one machine and in one run: \`npm run bench\` (\`-- --smoke\` for a
minute's version, \`-- --publish\` writes this page and \`test/bench/results/\`). How it is measured:

- **Peer twice.** Stock, and with TCP_NODELAY kept on for every socket of the peer (a patch of Tornado's \`IOStream\` at its
  start): some 44 ms of each stock round trip are Nagle's algorithm against delayed acknowledgement, and a ratio against
  that alone would flatter us.
- **Same kernels.** ipykernel is the same interpreter and version on both sides. The *null kernel*
  (\`test/bench/null-kernel\`) answers at once and floods at the speed of its sockets, so that what lies in front of a
  kernel is measured and not the kernel.
- **Client.** One Node process with \`ws\`, TCP_NODELAY on, for every gateway. *Direct ZeroMQ* is the same client, with the
  same encoding work, on the kernel's own sockets over \`ipc://\`: what is beyond it is the price of a gateway.
- **Start**: from \`POST /api/kernels\` to the kernel_info_reply on a socket opened at once; the kernels are deleted when all
  of a row have answered. *From a pool*: Beamgate with a full pool, its refill outside of the times, the first starts of the
  service left out; beside it the peer's usual start. *From the template*: the pool empty.
- **Round trip**: from the execute_request to both its reply and the idle status, after 1.5 s of them.
- **Messages and buffers**: from the request to the idle status after the last message; each message is numbered, and those
  that never came are counted.
- **Memory**: proportional set size of the service process alone, freshly started, 5 s after it was ready; then with idle
  ipykernels, each with a socket open. Agents and kernels are apart.
- **Idle**: CPU of the service process alone over a quiet minute, with null kernels and one silent socket each; agents and
  kernels are apart.
- **kill -9** of the service while a cell prints 200 lines and returns, then a new one on the same port and data. The *stock*
  client reconnects with its session as every notebook server does; the *numbered* one states what it saw. *To output
  flows*: a kernel that prints without end, from the start of the new process to the first line at a numbered client.
`;

/** The page for people: the machine, one table, and how it was measured. */
export function markdown(machine: Machine, figures: ReturnType<Results['figures']>, repeats: number): string {
  const head = ['', ...COLUMNS.map((name) => TITLES[name]), 'better than stock', 'than TCP_NODELAY'];
  const rows = Object.entries(figures).map(([row, { unit, subjects }]) => [
    COUNTS.has(unit) ? row : `${row}, ${unit}`,
    ...COLUMNS.map((name) => cell(subjects[name])),
    ...PEERS.map((name) => ratio(unit, subjects['beamgate'], subjects[name])),
  ]);
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [
    `${machine.cores} cores of ${machine.processor}, ${machine.memoryGiB} GiB, ${machine.kernel}, Node ${machine.node},`,
    `Python ${machine.python}, ipykernel ${machine.ipykernel}; peer: ${machine.peer}. ${repeats} repeats, interleaved; each`,
    'figure is the median of the repeats, with the least and the greatest.',
    '',
    line(head),
    line(head.map(() => '---')),
    ...rows.map(line),
    '',
  ].join('\n');
}
