import { type CullLimits, InvalidRequest, type KernelCommand, type KernelSpecModel, NotFound } from '#libs/contracts';
import { environmentFolders, readEnvironment } from './environment.js';
import { curatedKernelspecs } from './kernelspecs-curated.js';
import type { KernelspecEntry } from './kernelspecs-entry.js';
import { installedFolders, isKernelspecName, readInstalled } from './kernelspecs-installed.js';
import { listResources, resourceFile } from './kernelspecs-resources.js';
import { type Images, madeAsImage, madeHere } from './made-environment.js';

export interface KernelspecCatalogueOptions {
  /** Folders that hold curated environments. */
  environments: readonly string[];
  /** Root of the cache that the environments were made in. */
  cache: string;
  /** Where kernels are pods: the image of each environment, by its name. */
  images?: Images;
  /** Jupyter's data paths in their order; empty: no kernelspecs of the machine are offered. */
  dataPaths: readonly string[];
  /** Names of the profiles of the service. */
  profiles: readonly string[];
  defaultProfile: string;
  /** If not empty, only these names are offered. */
  allowed: readonly string[];
  /** Prefix of resource URLs; starts and ends with a slash. */
  baseUrl: string;
  /** Variables that `${NAME}` in a kernelspec's `env` stands for. */
  variables: Readonly<Record<string, string>>;
  /** Told once of each kernelspec or environment that can't be read. */
  onProblem: (sentence: string) => void;
  /** Folders are read again when they were last read so long ago, in milliseconds. */
  recheckMs?: number;
}

/** What a kernel of a kernelspec is made from. */
export interface ResolvedKernelspec {
  /** The listed name; differs from the one asked for where that is an alias. */
  name: string;
  command: KernelCommand;
  env: Record<string, string>;
  profile: string;
  culling: CullLimits;
  interruptMode: 'signal' | 'message';
  language: string;
}

interface Offer extends KernelspecEntry {
  model: KernelSpecModel;
}

/** The kernelspecs that are offered: curated environments first, then those installed on the machine. */
export class KernelspecCatalogue {
  #offers = new Map<string, Offer>();
  #aliases = new Map<string, string>();
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #told = new Set<string>();

  constructor(private readonly options: KernelspecCatalogueOptions) {}

  /** Those that can be started, by name. */
  list(): KernelSpecModel[] {
    this.#refresh();
    return [...this.#offers.values()]
      .filter((offer) => offer.refusal === undefined)
      .sort((one, other) => (one.name < other.name ? -1 : 1))
      .map((offer) => offer.model);
  }

  /** By name or alias, in any case. */
  find(name: string): KernelSpecModel | undefined {
    const offer = this.#find(name);
    return offer?.refusal === undefined ? offer?.model : undefined;
  }

  /** The absolute path of a file in a kernelspec's folder; undefined for anything that does not lie in it. */
  resource(name: string, path: string): string | undefined {
    const entry = this.#find(name);
    return entry && resourceFile(entry.directory, path);
  }

  /** @throws NotFound for an unknown name; InvalidRequest, saying why, for one that can't be started here */
  resolve(name: string): ResolvedKernelspec {
    const entry = this.#find(name);
    if (entry === undefined) throw new NotFound(`No kernelspec is named ${JSON.stringify(name)} here.`);
    if (entry.refusal !== undefined) {
      throw new InvalidRequest(entry.refusal, { errors: [{ field: 'name', message: entry.refusal }] });
    }
    const { spec, command, profile, culling } = entry;
    const env = Object.entries(spec.env).map(([key, value]) => [key, this.#substitute(value)] as const);
    return {
      name: entry.name,
      command,
      env: Object.fromEntries(env),
      profile,
      culling,
      interruptMode: spec.interrupt_mode,
      language: spec.language,
    };
  }

  #find(name: string): Offer | undefined {
    if (!isKernelspecName(name)) return undefined;
    this.#refresh();
    const key = name.toLowerCase();
    return this.#offers.get(key) ?? this.#offers.get(this.#aliases.get(key) ?? '');
  }

  #model({ name, spec, directory }: KernelspecEntry): KernelSpecModel {
    return { name, spec, resources: listResources(directory, `${this.options.baseUrl}kernelspecs/${name}/`) };
  }

  /** Unknown names stay as they are. @see jupyter_client `provisioning.LocalProvisioner` */
  #substitute(value: string): string {
    return value.replace(/\$\{(\w+)\}/g, (whole, name: string) => this.options.variables[name] ?? whole);
  }

  #refresh(): void {
    const { recheckMs = 1000, cache, images, profiles, defaultProfile, dataPaths } = this.options;
    if (performance.now() - this.#readAt < recheckMs) return;
    this.#readAt = performance.now();
    const environments = environmentFolders(this.options.environments).flatMap((folder) =>
      this.#attempt(folder, () => readEnvironment(folder)),
    );
    const entries = [
      ...environments.flatMap((environment) => {
        const made = images === undefined ? madeHere(environment, cache) : madeAsImage(environment, images);
        return curatedKernelspecs(environment, made, profiles, defaultProfile);
      }),
      ...[...installedFolders(dataPaths)].flatMap(([name, folder]) =>
        this.#attempt(folder, () => readInstalled(name, folder, defaultProfile)),
      ),
    ];
    const allowed = new Set(this.options.allowed.map((name) => name.toLowerCase()));
    this.#offers = new Map();
    for (const entry of entries) {
      if (this.#offers.has(entry.name) || (allowed.size > 0 && !allowed.has(entry.name))) continue;
      for (const model of this.#attempt(entry.directory, () => this.#model(entry))) {
        this.#offers.set(entry.name, { ...entry, model });
      }
    }
    this.#aliases = new Map(
      environments.flatMap(({ name, aliases }) => aliases.map((alias) => [alias, name] as const)),
    );
  }

  /** What was read; nothing, and the problem told, where it can't be. */
  #attempt<T>(folder: string, read: () => T): T[] {
    try {
      return [read()];
    } catch (error) {
      const sentence = `${folder} is left out: ${(error as Error).message}`;
      if (!this.#told.has(sentence)) this.options.onProblem(sentence);
      this.#told.add(sentence);
      return [];
    }
  }
}
