import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { GatekeeperCommands, LauncherFacts } from '#libs/contracts';
import { aSubmission, GatekeeperStage } from '#libs/testing';
import { GatekeeperModule } from '../gatekeeper.module.js';

let stage: GatekeeperStage;
beforeEach(async () => {
  stage = await new GatekeeperStage((parts) => GatekeeperModule.with(parts)).start();
});
afterEach(() => stage.stop());

it('ends a kernel at its wall limit, though the timer goes off a moment before that', async () => {
  const submission = aSubmission();
  const { id: kernelId } = await stage.client.send(GatekeeperCommands.submitKernel, {
    ...submission,
    scheduling: { ...submission.scheduling, wallSeconds: 10 },
  });
  await stage.launcher.commands.until(({ name }) => name === 'launch');
  const endpoint = { socket: '/run/a', clientToken: 'c', controlToken: 't' };
  await stage.client.emit(LauncherFacts.agentUp, { kernelId, endpoint });
  await stage.client.emit(LauncherFacts.kernelReady, { kernelId, incarnation: 0 });
  await stage.gateways.kernel(kernelId, { phase: 'ready' });
  stage.clock.jump(-5);
  stage.clock.advance(10_000);
  // What came before it is written when this is answered.
  await stage.client.send(GatekeeperCommands.explainKernel, { kernelId }).catch(() => undefined);
  await stage.client.send(GatekeeperCommands.submitKernel, aSubmission());
  stage.clock.advance(5);
  expect(await stage.gateways.kernel(kernelId, { phase: 'stopping' })).toMatchObject({ endReason: 'culled' });
});
