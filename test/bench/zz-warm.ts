import { Beamgate } from '../support/beamgate.ts';
import { ChannelClient, deleteKernel, startKernel } from '../support/channel-client.ts';
const N = Number(process.argv[2] ?? 10);
const gw = await Beamgate.start({ config: { pools: { environments: { python3: { floor: N, ceiling: N } }, budget: 64 } }, logName: 'zz-warm' });
await new Promise(r=>setTimeout(r, 3000 + N*600));
const t:number[]=[]; const p:number[]=[];
if (process.argv[4]) { await gw.stop(); process.exit(0); }
for (let i=0;i<N;i++) {
  const b=performance.now();
  const { id } = await startKernel(gw,'python3'); p.push(performance.now()-b);
  const c = await ChannelClient.open(gw,id);
  await c.request('shell','kernel_info_request');
  t.push(performance.now()-b);
  if (i===0) { const b2=performance.now(); const e = await c.execute('import numpy, pandas, matplotlib; import os,sys; print(os.getcwd(), sys.argv, len(sys.modules), os.environ["KERNEL_ID"])'); console.log(e.text, performance.now()-b2); }
  await c.close(); if (process.argv[3]) await deleteKernel(gw,id);
}
console.log(t.map(x=>x.toFixed(1)).join(' ')); console.log('post', p.map(x=>x.toFixed(1)).join(' '));
await gw.stop(); process.exit(0);
