import 'reflect-metadata';
import { GatewayModule, openEdge } from '#apps/gateway/src/index';
import { BuiltInIssuer } from '#libs/auth';
import { KernelId } from '#libs/contracts';
// Not by its index, which brings suites that only jest can load.
import { gatewayParts } from '../../libs/testing/src/gateway-parts.js';

/** A gateway to be killed: serves one kernel, whose agent is named on its command line, and prints `{url, token}`. */
const [id = '', socket = '', clientToken = '', controlToken = ''] = process.argv.slice(2);
const parts = gatewayParts();
const endpoint = { socket, clientToken, controlToken };
parts.gatekeeper.kernels.add({ id: KernelId.parse(id), phase: 'ready', executionState: 'idle', endpoint });
const app = await openEdge(GatewayModule.with(parts), parts.config, parts.log);
await app.listen(0, '127.0.0.1');
const keep = async (row: { id: string }) => void parts.gatekeeper.tokens.set(row.id, row as never);
const { token } = await app.get(BuiltInIssuer).issueToken({ user: 'ada', scopes: ['kernels'] }, 'root', keep);
process.stdout.write(`${JSON.stringify({ url: await app.getUrl(), token })}\n`);
