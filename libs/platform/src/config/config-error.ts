/** One thing wrong with the settings: which key, where it was set, what is wrong and what would be accepted. */
export interface ConfigFault {
  /** The key, or the unknown word. */
  key: string;
  /** `flag --port`, `environment BEAMGATE_PORT`, `file /etc/beamgate.yaml` or `default`. */
  source: string;
  message: string;
}

/** The settings can't be used; every fault is listed, so that one round mends them all. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly ConfigFault[]) {
    super(faults.map(({ key, source, message }) => `${key} (${source}): ${message}`).join('\n'));
    this.name = 'ConfigError';
  }
}
