import { type CoreV1Api, type CoreV1Event, type KubeConfig, Watch } from '@kubernetes/client-node';
import type { KernelId } from '#libs/contracts';
import type { HostLog } from '../process/process-host-options.js';
import type { HostedPod } from './hosted-pod.js';
import { podIdIn } from './manifest.js';
import { named } from './named.js';
import { WatchedEach } from './watched-each.js';

const fieldSelector = 'involvedObject.kind=Pod,type=Warning';

/** Tells hosted pods what the cluster warns of: of a volume that can't be mounted a pod's status says nothing. */
export const podWarnings = (
  config: KubeConfig,
  namespaces: readonly string[],
  core: CoreV1Api,
  log: HostLog,
  hosted: (podId: KernelId) => HostedPod | undefined,
): WatchedEach<CoreV1Event> =>
  new WatchedEach(namespaces, (namespace) => ({
    watch: new Watch(config),
    path: `/api/v1/namespaces/${namespace}/events`,
    fieldSelector,
    list: (page) => core.listNamespacedEvent({ namespace, fieldSelector, ...page }),
    keep: (event) => ({ ...named(event), involvedObject: {} }),
    onChange: ({ involvedObject, reason = '', message = '' }) => {
      const podId = podIdIn(involvedObject.name ?? '');
      if (podId !== undefined) hosted(podId)?.onWarning(involvedObject.uid ?? '', reason, message);
    },
    onGone: () => {},
    log,
  }));
