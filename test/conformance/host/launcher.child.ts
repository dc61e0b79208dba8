import { ProcessHost } from '#libs/compute';
import { KernelId } from '#libs/contracts';
import { aLaunch, hostOptions, whom } from './host-under-test.js';

/** A launcher to be killed: launches the kernels named on its command line and prints each fact as a line of JSON. */
const [data = '', python = '', ...ids] = process.argv.slice(2);
const host = new ProcessHost(hostOptions(data, python));
host.onFact((fact) => process.stdout.write(`${JSON.stringify(fact)}\n`));
await host.reconcile([]);
for (const id of ids) await host.launch(KernelId.parse(id), whom('ada'), aLaunch(python));
