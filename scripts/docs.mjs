// Writes the generated reference pages: `npm run docs`.
import { writeFileSync } from 'node:fs';
import { build } from './build.mjs';

await build({ log: console.log });
const { configReference } = await import('../dist/libs/platform/src/index.js');
writeFileSync(new URL('../docs/reference/configuration.md', import.meta.url), configReference());
