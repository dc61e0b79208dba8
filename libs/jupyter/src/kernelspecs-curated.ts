import type { Environment } from './environment.js';
import type { KernelspecEntry } from './kernelspecs-entry.js';
import type { MadeEnvironment } from './made-environment.js';

/**
 * The kernelspecs of a curated environment: one for each allowed profile that the service has. That of the default
 * profile bears the environment's name, others `<name>.<profile>`.
 *
 * @param made      what its kernels are started from
 * @param profiles  names of the profiles of the service
 * @param fallback  the profile of environments that name none, or one that the service lacks
 */
export function curatedKernelspecs(
  environment: Environment,
  made: MadeEnvironment,
  profiles: readonly string[],
  fallback: string,
): KernelspecEntry[] {
  const wanted = environment.profiles.default ?? fallback;
  const standard = profiles.includes(wanted) ? wanted : fallback;
  const others = environment.profiles.allowed.filter((name) => name !== standard && profiles.includes(name));
  return [standard, ...others].map((profile) => ({
    name: profile === standard ? environment.name : `${environment.name}.${profile.toLowerCase()}`,
    spec: {
      argv: ['python', '-m', 'ipykernel_launcher', '-f', '{connection_file}'],
      display_name: profile === standard ? environment.displayName : `${environment.displayName} (${profile})`,
      language: environment.language,
      interrupt_mode: 'signal',
      env: {},
      metadata: {
        debugger: true,
        beamgate: {
          environment: environment.name,
          version: environment.version,
          description: environment.description,
          discipline: environment.discipline,
          packages: environment.packages,
          profile,
        },
      },
    },
    directory: environment.folder,
    profile,
    culling: environment.culling,
    ...made,
  }));
}
