import { jest } from '@jest/globals';
import { Beamgate, POOLS } from '../support/beamgate.js';
import { describeNotebookServer } from '../support/notebook-suite.js';

jest.setTimeout(60_000);

describeNotebookServer(async (scope) => ({
  gateway: scope.use(await Beamgate.start({ config: POOLS }), (one) => one.stop()),
}));
