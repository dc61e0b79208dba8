import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import type { SchedulingConfig } from '#libs/contracts';
import { readConfig } from '#libs/scheduling';
import { readText } from './read-text.js';

/** `queues.yaml`, or the defaults without one. @throws Error with a line for each fault: file:line: path: what is wrong */
export function readQueues(file: string | undefined): SchedulingConfig {
  const counter = new LineCounter();
  const document = parseDocument(file === undefined ? '' : readText(file), {
    lineCounter: counter,
    prettyErrors: false,
  });
  const line = (offset: number): number => counter.linePos(offset).line;
  const wrong = document.errors.map(({ message, pos }) => `${file}:${line(pos[0])}: ${message}`);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  const read = readConfig(document.toJS());
  if ('config' in read) return read.config;
  const faults = read.faults.map(({ path, at, message }) => {
    return `${file}:${line(offsetOf(document, at))}: ${path === '' ? '' : `${path}: `}${message}`;
  });
  throw new Error(faults.join('\n'));
}

/** Where a setting begins; where it is absent, what it should have been in. */
function offsetOf(document: Document, at: readonly (string | number)[]): number {
  for (let depth = at.length; depth >= 0; depth -= 1) {
    const node = depth === 0 ? document.contents : document.getIn(at.slice(0, depth), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}
