import { migProfiles } from '../placement/mig.js';
import { DEVICE_MILLI } from '../placement/shape.js';
import type { NamedConfig } from './named.js';
import type { Fault } from './place.js';

const MIG = 'mig:';

/** MIG profiles that the model has not, and quanta that do not go with the sharing. */
export function hardwareFaults({ flavors }: NamedConfig): Fault[] {
  const faults: Fault[] = [];
  for (const { value, place } of flavors) {
    if (value.kind !== 'gpu') continue;
    const { model, sharing, quantumMilli } = value;
    if (sharing.startsWith(MIG)) {
      const profiles = migProfiles.get(model);
      if (!profiles?.has(sharing.slice(MIG.length))) {
        const known = profiles
          ? `it has ${[...profiles.keys()].join(', ')}`
          : `of MIG, ${[...migProfiles.keys()].join(', ')} are known`;
        faults.push(place.key('sharing').fault(`${model} has no ${sharing.slice(MIG.length)}; ${known}`));
      }
    }
    const shared = sharing === 'mps' || sharing === 'slice';
    if (!shared && quantumMilli !== DEVICE_MILLI) {
      faults.push(place.key('quantumMilli').fault(`${sharing} gives out nothing smaller than ${DEVICE_MILLI}`));
    } else if (DEVICE_MILLI % quantumMilli !== 0) {
      faults.push(place.key('quantumMilli').fault(`${DEVICE_MILLI} is no multiple of ${quantumMilli}`));
    }
  }
  return faults;
}
