// Writes what is generated from schemas: reference pages, and the chart's own schema. `npm run docs`.
import { writeFileSync } from 'node:fs';
import { build } from './build.mjs';

await build({ log: console.log });
const { chartSchema, configReference, queuesReference } = await import('../dist/libs/platform/src/index.js');
writeFileSync(new URL('../docs/reference/configuration.md', import.meta.url), configReference());
writeFileSync(new URL('../docs/reference/queues-yaml.md', import.meta.url), queuesReference());
writeFileSync(new URL('../k8s/chart/values.schema.json', import.meta.url), chartSchema());
