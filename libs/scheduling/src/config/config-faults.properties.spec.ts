import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type FlavorAmounts, RESOURCES, type Resource, SchedulingConfig } from '#libs/contracts';
import { configFaults } from './config-faults.js';
import type { NodeTotals } from './reservation-faults.js';

interface Case {
  config: SchedulingConfig;
  totals: Record<string, FlavorAmounts>;
}
type Pick = (below: number) => number;
interface Share {
  nominal: number;
  borrowLimit: number | null;
  lendLimit: number | null;
}

const time = (hour: number): string => new Date(Date.UTC(2026, 0, 1, hour)).toISOString();

/** A configuration without faults: parents stand above children, nobody borrows more than the others of the tree lend. */
function validCase(pick: Pick): Case {
  const flavors = [
    { name: 'cpu', kind: 'cpu' },
    { name: 'whole', kind: 'gpu', model: 'H100' },
    { name: 'mps', kind: 'gpu', model: 'L4', sharing: 'mps', quantumMilli: 125 },
    { name: 'mig', kind: 'gpu', model: 'A100-40', sharing: 'mig:2g.10gb' },
  ].slice(0, 2 + pick(3));
  const resourcesOf = (flavor: string): Resource[] => RESOURCES.filter((r) => flavor !== 'cpu' || r !== 'gpuMilli');
  const cohorts = Array.from({ length: 1 + pick(4) }, (_, index) => ({
    name: `c${index}`,
    parent: pick(2) === 0 || index === 0 ? null : `c${pick(index)}`,
  }));
  const rootOf = (name: string): string => {
    const parent = cohorts.find((cohort) => cohort.name === name)?.parent;
    return parent ? rootOf(parent) : name;
  };
  const queues = Array.from({ length: 1 + pick(5) }, (_, index) => {
    const quota: Record<string, Partial<Record<Resource, Share>>> = {};
    for (const { name } of flavors) {
      const shares: Partial<Record<Resource, Share>> = {};
      for (const resource of resourcesOf(name)) {
        if (pick(3) === 0) continue;
        const nominal = pick(10);
        shares[resource] = { nominal, borrowLimit: null, lendLimit: pick(2) === 0 ? null : pick(nominal + 1) };
      }
      quota[name] = shares;
    }
    return { name: `q${index}`, cohort: pick(4) === 0 ? null : `c${pick(cohorts.length)}`, quota };
  });
  for (const { name, cohort, quota } of queues) {
    for (const [flavor, shares] of Object.entries(quota)) {
      for (const [resource, share] of Object.entries(shares)) {
        const others = queues.filter(
          (q) => q.name !== name && q.cohort && cohort && rootOf(q.cohort) === rootOf(cohort),
        );
        const lent = others.reduce((sum, other) => {
          const theirs = other.quota[flavor]?.[resource as Resource];
          return sum + (theirs ? Math.min(theirs.nominal, theirs.lendLimit ?? theirs.nominal) : 0);
        }, 0);
        if (pick(2) === 0) share.borrowLimit = pick(lent + 1);
      }
    }
  }
  const totals: Record<string, FlavorAmounts> = Object.fromEntries(flavors.map(({ name }) => [name, {}]));
  const reservations = Array.from({ length: 1 + pick(3) }, (_, index) => {
    const start = pick(20);
    const { name: flavor } = flavors[pick(flavors.length)] as { name: string };
    const amounts: FlavorAmounts = {};
    for (const resource of resourcesOf(flavor)) {
      amounts[resource] = 1 + pick(8);
      const total = totals[flavor] as FlavorAmounts;
      // All fit at once, whichever overlap.
      total[resource] = (total[resource] ?? 0) + (amounts[resource] ?? 0);
    }
    const owner = { queue: `q${pick(queues.length)}` };
    return {
      name: `r${index}`,
      start: time(start),
      end: time(start + 1 + pick(9)),
      amounts: { [flavor]: amounts },
      owner,
    };
  });
  const pools = flavors.map(({ name }) => ({ environment: 'python3', flavor: name, min: pick(3), max: 2 + pick(3) }));
  return { config: SchedulingConfig.parse({ flavors, cohorts, queues, reservations, pools }), totals };
}

const oneOf = <T>(list: readonly T[], pick: Pick): T => list[pick(list.length)] as T;

/** Each spoils one thing and tells the path at which that must be found; undefined where the case has no such thing. */
const mutations: Record<string, (one: Case, pick: Pick) => string | undefined> = {};
const share = (edit: (share: Share, path: string) => string | undefined) => (one: Case, pick: Pick) => {
  const rows = one.config.queues.flatMap((queue) =>
    Object.entries(queue.quota).flatMap(([flavor, quota]) =>
      RESOURCES.flatMap((resource) => {
        const found = quota[resource];
        return found ? [{ found, path: `queues.${queue.name}.quota.${flavor}.${resource}` }] : [];
      }),
    ),
  );
  if (rows.length === 0) return undefined;
  const { found, path } = oneOf(rows, pick);
  return edit(found, path);
};
for (const key of ['nominal', 'borrowLimit', 'lendLimit'] as const) {
  mutations[`negative ${key}`] = share((found, path) => {
    found[key] = -1;
    return `${path}.${key}`;
  });
}
mutations['lends more than it has'] = share((found, path) => {
  found.lendLimit = found.nominal + 1;
  return `${path}.lendLimit`;
});
mutations['borrows more than there is'] = share((found, path) => {
  found.borrowLimit = 10_000;
  return `${path}.borrowLimit`;
});
mutations['a ring of cohorts'] = ({ config }, pick) => {
  const cohort = oneOf(config.cohorts, pick);
  const below = (name: string): string[] => [
    name,
    ...config.cohorts.filter(({ parent }) => parent === name).flatMap((child) => below(child.name)),
  ];
  cohort.parent = oneOf(below(cohort.name), pick);
  return `cohorts.${cohort.name}.parent`;
};
mutations['unknown parent'] = ({ config }, pick) => {
  const cohort = oneOf(config.cohorts, pick);
  cohort.parent = 'nowhere';
  return `cohorts.${cohort.name}.parent`;
};
mutations['unknown cohort of a queue'] = ({ config }, pick) => {
  const queue = oneOf(config.queues, pick);
  queue.cohort = 'nowhere';
  return `queues.${queue.name}.cohort`;
};
mutations['unknown flavor in a quota'] = ({ config }, pick) => {
  const queue = oneOf(config.queues, pick);
  queue.quota['nowhere'] = { cpuMilli: { nominal: 1, borrowLimit: null, lendLimit: null } };
  return `queues.${queue.name}.quota.nowhere`;
};
mutations['GPU of a CPU flavor in a quota'] = ({ config }, pick) => {
  const queue = oneOf(config.queues, pick);
  queue.quota['cpu'] = { ...queue.quota['cpu'], gpuMilli: { nominal: 1, borrowLimit: null, lendLimit: null } };
  return `queues.${queue.name}.quota.cpu.gpuMilli`;
};
mutations['negative cap'] = ({ config }, pick) => {
  const queue = oneOf(config.queues, pick);
  queue.caps.perProject = { gpuMilli: -5 };
  return `queues.${queue.name}.caps.perProject.gpuMilli`;
};
mutations['unknown owner of a reservation'] = ({ config }, pick) => {
  const reservation = oneOf(config.reservations, pick);
  reservation.owner.queue = 'nowhere';
  return `reservations.${reservation.name}.owner.queue`;
};
mutations['unknown flavor of a reservation'] = ({ config }, pick) => {
  const reservation = oneOf(config.reservations, pick);
  reservation.amounts['nowhere'] = { cpuMilli: 1 };
  return `reservations.${reservation.name}.amounts.nowhere`;
};
mutations['GPU of a CPU flavor in a reservation'] = ({ config }, pick) => {
  const reservation = oneOf(config.reservations, pick);
  reservation.amounts['cpu'] = { ...reservation.amounts['cpu'], gpuMilli: 1 };
  return `reservations.${reservation.name}.amounts.cpu.gpuMilli`;
};
mutations['a reservation that ends as it starts'] = ({ config }, pick) => {
  const reservation = oneOf(config.reservations, pick);
  reservation.end = reservation.start;
  return `reservations.${reservation.name}.end`;
};
mutations['a reservation beyond capacity'] = ({ config, totals }, pick) => {
  const reservation = oneOf(config.reservations, pick);
  const [flavor, amounts] = Object.entries(reservation.amounts)[0] as [string, FlavorAmounts];
  amounts.cpuMilli = (totals[flavor]?.cpuMilli ?? 0) + 1;
  return `reservations.${reservation.name}.amounts.${flavor}.cpuMilli`;
};
mutations['reservations that exclude each other'] = ({ config, totals }, pick) => {
  const reservation = oneOf(config.reservations, pick);
  const [flavor, amounts] = Object.entries(reservation.amounts)[0] as [string, FlavorAmounts];
  const cpuMilli = (totals[flavor]?.cpuMilli ?? 0) - (amounts.cpuMilli ?? 0) + 1;
  config.reservations.push({ ...reservation, name: 'more', amounts: { [flavor]: { cpuMilli } } });
  return `reservations.more.amounts.${flavor}.cpuMilli`;
};
mutations['negative amount of a reservation'] = ({ config }, pick) => {
  const reservation = oneOf(config.reservations, pick);
  const [flavor, amounts] = Object.entries(reservation.amounts)[0] as [string, FlavorAmounts];
  amounts.cpuMilli = -1;
  return `reservations.${reservation.name}.amounts.${flavor}.cpuMilli`;
};
mutations['a pool whose min is above its max'] = ({ config }, pick) => {
  const pool = oneOf(config.pools, pick);
  pool.min = pool.max + 1;
  return `pools.python3.${pool.flavor}.min`;
};
mutations['unknown flavor of a pool'] = ({ config }, pick) => {
  oneOf(config.pools, pick).flavor = 'nowhere';
  return 'pools.python3.nowhere.flavor';
};
mutations['negative budget of a pool'] = ({ config }, pick) => {
  const pool = oneOf(config.pools, pick);
  pool.budget = { cpuMilli: -1 };
  return `pools.python3.${pool.flavor}.budget.cpuMilli`;
};
mutations['unknown class'] = ({ config }) => {
  config.policies.halfLifeSeconds['nowhere'] = 3_600;
  return 'policies.halfLifeSeconds.nowhere';
};
mutations['negative budget of preemption'] = ({ config }) => {
  config.policies.preemptionPerMinute = { memoryBytes: -1 };
  return 'policies.preemptionPerMinute.memoryBytes';
};
const gpuFlavor =
  (edit: (flavor: SchedulingConfig['flavors'][number] & { kind: 'gpu' }) => string) => (one: Case, pick: Pick) => {
    const gpus = one.config.flavors.filter((flavor) => flavor.kind === 'gpu');
    return edit(oneOf(gpus, pick));
  };
mutations['a MIG profile that the model has not'] = gpuFlavor((flavor) => {
  Object.assign(flavor, { model: 'A100-40', sharing: 'mig:1g.18gb', quantumMilli: 1_000 });
  return `flavors.${flavor.name}.sharing`;
});
mutations['MIG of a model without it'] = gpuFlavor((flavor) => {
  Object.assign(flavor, { model: 'T4', sharing: 'mig:1g.5gb', quantumMilli: 1_000 });
  return `flavors.${flavor.name}.sharing`;
});
mutations['a quantum of whole devices'] = gpuFlavor((flavor) => {
  Object.assign(flavor, { sharing: 'whole', quantumMilli: 500 });
  return `flavors.${flavor.name}.quantumMilli`;
});
mutations['a quantum that does not make up a device'] = gpuFlavor((flavor) => {
  Object.assign(flavor, { sharing: 'slice', quantumMilli: 300 });
  return `flavors.${flavor.name}.quantumMilli`;
});
for (const list of ['flavors', 'cohorts', 'queues', 'classes', 'reservations', 'pools'] as const) {
  mutations[`the same name twice in ${list}`] = ({ config }, pick) => {
    const entries: { name?: string; flavor?: string }[] = config[list];
    const entry = oneOf(entries, pick);
    entries.push(structuredClone(entry));
    return `${list}.${entry.name ?? `python3.${entry.flavor}`}`;
  };
}

const faultsOf = ({ config, totals }: { config: SchedulingConfig; totals: NodeTotals }): string[] =>
  configFaults(config, totals).map(({ path }) => path);
const chance = fc.gen().map(
  (generate): Pick =>
    (below) =>
      generate(fc.integer, { min: 0, max: below - 1 }),
);

describe('faults of configurations that are right but for one thing', () => {
  it('are none before it', () =>
    fc.assert(
      fc.property(chance, (pick) => {
        expect(faultsOf(validCase(pick))).toEqual([]);
      }),
      { numRuns: 200 },
    ));

  it.each(Object.keys(mutations))('is exactly one, at its path: %s', (kind) => {
    let met = 0;
    fc.assert(
      fc.property(chance, (pick) => {
        const one = validCase(pick);
        const path = mutations[kind]?.(one, pick);
        if (path === undefined) return;
        met += 1;
        expect(faultsOf(one)).toEqual([path]);
      }),
      { numRuns: 60 },
    );
    expect(met).toBeGreaterThan(0);
  });
});
