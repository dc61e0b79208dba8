import { cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { root } from '../support/parts.js';

interface Instruction {
  name: string;
  words: string[];
}

/**
 * What a Dockerfile says of its last stage, as far as it can be known without a container engine. Understood is what ours
 * use: no variables, no globs, no continued lines, JSON form of ENTRYPOINT.
 *
 * @see https://docs.docker.com/reference/dockerfile/
 */
export class Dockerfile {
  readonly #stages: Instruction[][] = [];

  constructor(path: string) {
    for (const line of readFileSync(join(root, path), 'utf8').split('\n')) {
      if (line.trim() === '' || line.startsWith('#')) continue;
      const [name = '', ...words] = line.split(/\s+/);
      if (name === 'FROM') this.#stages.push([]);
      this.#stages.at(-1)?.push({ name, words });
    }
  }

  /** Base images of all stages. */
  get bases(): string[] {
    return this.#stages.map((stage) => stage[0]?.words[0] ?? '');
  }

  get user(): string | undefined {
    return this.#all('USER').at(-1)?.join(' ');
  }

  get workdir(): string {
    return this.#all('WORKDIR').at(-1)?.[0] ?? '/';
  }

  get entrypoint(): string[] {
    return JSON.parse(this.#all('ENTRYPOINT').at(-1)?.join(' ') ?? '[]') as string[];
  }

  /**
   * Copies into `folder` what the last stage has at `/`. From an earlier stage, which has the whole repository in its
   * WORKDIR and builds there, the checkout's own is taken: build it before.
   *
   * @throws Error that names a source that is not there
   */
  assemble(folder: string): void {
    for (const words of this.#all('COPY')) {
      const from = words.find((word) => word.startsWith('--from='));
      const paths = words.filter((word) => !word.startsWith('--'));
      const target = paths.pop() ?? '';
      for (const path of paths) {
        const source = join(root, from ? posix.relative(this.#workdirOf(from.slice('--from='.length)), path) : path);
        if (!source.startsWith(root) || !existsSync(source)) throw new Error(`COPY ${words.join(' ')}: no ${path}`);
        const place = join(folder, posix.resolve(this.workdir, target));
        const isFolder = statSync(source).isDirectory();
        const end = !isFolder && /(^|\/)\.?\/?$/.test(target) ? join(place, basename(source)) : place;
        mkdirSync(posix.dirname(end), { recursive: true });
        cpSync(source, end, { recursive: true });
      }
    }
  }

  #all(name: string): string[][] {
    return (this.#stages.at(-1) ?? []).filter((one) => one.name === name).map(({ words }) => words);
  }

  #workdirOf(stage: string): string {
    const found = this.#stages.find(([from]) => from?.words[2] === stage);
    return found?.find(({ name }) => name === 'WORKDIR')?.words[0] ?? '/';
  }
}
