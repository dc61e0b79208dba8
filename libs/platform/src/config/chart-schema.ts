import { z } from 'zod';
import { Config } from '../config.schema.js';

const object = (properties: object) => ({ type: 'object', additionalProperties: false, properties });
const anything = { type: 'object' };
const text = { type: 'string' };
const count = { type: 'integer', minimum: 1 };
const flag = { type: 'boolean' };
const service = { replicas: count, resources: anything };

/** Values of the chart beside the settings. */
const VALUES = {
  configSecret: text,
  signingKeySecret: text,
  bus: object({ tlsSecret: text }),
  store: object({ tlsSecret: text }),
  image: object({ repository: text, tag: text, pullPolicy: { enum: ['Always', 'IfNotPresent', 'Never'] } }),
  imagePullSecrets: { type: 'array', items: object({ name: text }) },
  gateway: object({
    ...service,
    autoscaling: object({
      enabled: flag,
      minReplicas: count,
      maxReplicas: count,
      cpuPercent: { type: 'integer', minimum: 1, maximum: 100 },
    }),
    service: object({
      type: { enum: ['ClusterIP', 'NodePort', 'LoadBalancer'] },
      port: { type: 'integer', minimum: 1, maximum: 65_535 },
    }),
    ingressFrom: { type: 'array', items: anything },
  }),
  gatekeeper: object(service),
  launcher: object({ resources: anything }),
  kernels: object({
    namespace: text,
    namespaces: { type: 'array', items: text },
    createNamespace: flag,
    podSecurity: { enum: ['restricted', 'baseline', 'privileged'] },
    quota: anything,
    egress: { type: ['array', 'null'], items: anything },
  }),
  networkPolicies: flag,
  serviceMonitor: flag,
  global: anything,
};

/**
 * JSON schema of the chart's values, so that Helm refuses what the services would: `k8s/chart/values.schema.json`. Defaults are
 * left out: some are of the machine that writes the file.
 */
export function chartSchema(): string {
  const config = z.toJSONSchema(Config, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      jsonSchema.default = undefined;
    },
  });
  const { $schema, ...settings } = config;
  return `${JSON.stringify({ $schema, ...object({ config: settings, ...VALUES }) }, null, 2)}\n`;
}
