import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { Profile } from '#libs/contracts';
import { DeviceResources, KernelUid, PodIdentity, PodProjects, PodVolumes, Toleration } from './pod.schema.js';
import { schedulingShape } from './scheduling.schema.js';

const GiB = 1024 ** 3;
const section = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape).prefault({} as never);

/** Who we are, and whom we believe, towards a server that other services of ours speak through. */
const tls = (server: string) =>
  section({
    ca: z.string().default('').describe(`Certificates (PEM) that may sign that of ${server}; empty: the usual ones`),
    certificate: z
      .string()
      .default('')
      .describe(`Our certificate (PEM) for ${server}; files of \`tls\` are read anew for each connection`),
    key: z.string().default('').describe('Its private key (PEM)'),
  }).refine(({ certificate, key }) => (certificate === '') === (key === ''), {
    error: 'certificate and key belong together',
  });

/** Every setting of Beamgate: its default, unit and one sentence. The reference page is generated from it. */
export const Config = z.strictObject({
  host: z.string().default('127.0.0.1').describe('Address to listen on'),
  port: z.int().min(0).max(65535).default(8888).describe('Port to listen on; 0 takes a free one'),
  baseUrl: z
    .string()
    .regex(/^\/(?:[\w.~-]+\/)*$/, 'must start and end with a slash')
    .default('/')
    .describe('Path prefix of every URL'),
  data: z
    .string()
    .default(() => join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local/share'), 'beamgate'))
    .describe('Folder of the store, keys, records of running kernels and logs'),
  cache: z
    .string()
    .default(() => join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'beamgate'))
    .describe('Folder of what can be made again: environments of kernels; the start scripts know the variable only'),
  keepKernels: z.boolean().default(false).describe('On Ctrl-C, leave kernels running; the next start adopts them'),
  sealingKeyFile: z
    .string()
    .default('')
    .describe(
      'Keys (32 bytes in base64 or hex, one a line; the first seals) for what PostgreSQL and RabbitMQ keep of secrets; empty: kept in plain text',
    ),
  auth: section({
    mode: z.enum(['token', 'none']).default('token').describe('`none` trusts every caller; loopback addresses only'),
    audience: z.string().default('beamgate').describe('Required `aud` of every JWT'),
    signingKeyFile: z
      .string()
      .default('')
      .describe(
        'Private key (P-256, PEM) of the built-in issuer, which all gateways share; empty: made in `keys/` of the data folder',
      ),
    issuers: z
      .array(
        z.strictObject({
          issuer: z.url().describe('`iss` of its tokens; discovery starts here'),
          jwksUri: z.url().optional().describe('Key set, where discovery is not served'),
          audience: z.string().optional().describe('`aud` of its tokens, where not `auth.audience`'),
          userClaim: z.string().default('sub').describe('Claim that names the user'),
          groupsClaim: z.string().default('groups').describe('Claim that lists groups'),
          adminGroups: z.array(z.string()).default([]).describe('Groups whose members are admins'),
          actAs: z.record(z.string(), z.array(z.string())).default({}).describe('User → groups it may act for'),
        }),
      )
      .default([])
      .describe('OIDC issuers trusted beside the built-in one'),
    staticToken: z.string().default('').describe('One shared token, for migration from Enterprise Gateway'),
    staticTokenUser: z.string().default('static').describe('Who the bearer of the static token is'),
    staticTokenActAs: z.array(z.string()).default([]).describe('Groups the static token may act for; `*` is everybody'),
    groups: z
      .record(z.string(), z.array(z.string()))
      .default({})
      .describe('Group → members, for act-as, projects and instruments'),
    projects: z
      .record(
        z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be a name of at most 63 of a-z, 0-9 and -'),
        z.array(z.string()),
      )
      .default({})
      .describe('Project → groups whose members may start kernels for it'),
    instruments: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/, 'must be a name of at most 63 letters, digits, and . _ -'),
        z.array(z.string()),
      )
      .default({})
      .describe('Instrument (beamline) → groups whose members may start kernels for it'),
    authorizedUsers: z.array(z.string()).default([]).describe('If not empty, only these users may start kernels'),
    unauthorizedUsers: z.array(z.string()).default([]).describe('Users who may not start kernels'),
    clockToleranceSeconds: z.number().min(0).default(30).describe('Clock skew allowed in `exp` and `nbf`, seconds'),
  }),
  http: section({
    maxHeaderBytes: z
      .int()
      .min(1024)
      .default(32 * 1024)
      .describe('Largest request line and headers together, bytes'),
    maxBodyBytes: z
      .int()
      .positive()
      .default(1024 * 1024)
      .describe('Largest body of a request, bytes'),
    headTimeoutSeconds: z
      .number()
      .positive()
      .default(30)
      .describe('A connection that has not sent a whole request head by then is ended with 408, seconds'),
    requestTimeoutSeconds: z
      .number()
      .positive()
      .default(60)
      .describe('A request whose body is not here by then is ended with 408, seconds; at least the head timeout'),
    keepAliveSeconds: z.number().positive().default(75).describe('A connection without a request is closed, seconds'),
    maxConnections: z.int().positive().default(20_000).describe('Connections at once, sockets of kernels included'),
    requestsPerSecond: z.number().positive().default(300).describe('Requests of one identity; more are answered 429'),
    requestBurst: z.int().positive().default(3000).describe('Requests of one identity that may come at once'),
    refusalsPerSecond: z
      .number()
      .positive()
      .default(20)
      .describe('Requests of one address without a valid token; more are answered 429'),
    refusalBurst: z.int().positive().default(500).describe('Requests without a valid token that may come at once'),
    drainSeconds: z
      .number()
      .min(0)
      .default(10)
      .describe('At a stop, how long open requests and sockets are given to end, seconds'),
  }),
  cors: section({
    allowOrigin: z.string().default('').describe('Value of Access-Control-Allow-Origin; empty sends no CORS headers'),
    allowHeaders: z.string().default('authorization, content-type').describe('Access-Control-Allow-Headers'),
    allowMethods: z.string().default('GET, POST, PATCH, DELETE, OPTIONS').describe('Access-Control-Allow-Methods'),
    allowCredentials: z.boolean().default(false).describe('Access-Control-Allow-Credentials'),
    maxAgeSeconds: z.int().min(0).default(600).describe('Access-Control-Max-Age, seconds'),
  }),
  kernels: section({
    defaultKernelspec: z.string().default('python3').describe('Kernelspec used when a request names none'),
    allowedKernelspecs: z.array(z.string()).default([]).describe('If not empty, only these are offered'),
    environments: z.array(z.string()).default([]).describe('More folders with curated environments'),
    offerInstalled: z.boolean().default(true).describe('Offer kernelspecs of this machine (JUPYTER_PATH) too'),
    clientEnv: z
      .array(z.string())
      .default(['KERNEL_*'])
      .describe('Variables a client may set; a trailing * is a prefix, `*` alone everything'),
    inheritedEnv: z
      .array(z.string())
      .default([
        'PATH',
        'HOME',
        'USER',
        'LOGNAME',
        'SHELL',
        'LANG',
        'LC_*',
        'TZ',
        'TMPDIR',
        'LD_LIBRARY_PATH',
        'SSL_CERT_*',
      ])
      .describe('Variables of the service that kernels get'),
    workingDirectories: z
      .array(z.strictObject({ from: z.string().startsWith('/'), to: z.string().startsWith('/') }))
      .default([{ from: '/', to: '/' }])
      .describe('Where KERNEL_WORKING_DIR leads: longest `from` prefix is replaced by `to`; `{user}` is the owner'),
    defaultWorkingDirectory: z
      .string()
      .default('')
      .describe('Folder of kernels that name none; `{user}` is the owner; empty: `work/{user}` in the data folder'),
    launchTimeoutSeconds: z.number().positive().default(60).describe('From admission to the first answer, seconds'),
    autorestart: z
      .boolean()
      .default(true)
      .describe('Start a kernel that died again by itself, without its variables; at most five times within a minute'),
    shutdownGraceSeconds: z
      .number()
      .min(0)
      .default(5)
      .describe('Between asking a kernel to end and killing it, seconds'),
    endedVisibleSeconds: z.number().min(0).default(3600).describe('How long an ended kernel is still shown, seconds'),
    cgroups: z.boolean().default(true).describe('Limit by cgroup where one can be written; else watch and kill'),
    python: z.string().default('').describe('Python that runs agents (≥ 3.11); empty: that of the default environment'),
  }),
  culling: section({
    idleSeconds: z
      .number()
      .min(0)
      .default(0)
      .describe(
        'An idle kernel ends after this, seconds, whoever has it open; 0: never. A kernelspec can say otherwise',
      ),
    busySeconds: z
      .number()
      .min(0)
      .default(0)
      .describe('A kernel that is busy without a pause ends after this, seconds; 0: never'),
    warningSeconds: z
      .number()
      .min(0)
      .default(300)
      .describe('The notebook is told this long before the end, seconds; at most half of the limit'),
    cpuPercent: z
      .number()
      .min(0)
      .default(2)
      .describe('An idle kernel whose processes use more than this of one core is in use; 0: its state alone counts'),
  }),
  reclaim: section({
    enabled: z.boolean().default(false).describe('End idle kernels whose place is needed for one that waits'),
    idleSeconds: z.number().min(0).default(1800).describe('Idle so long at least, seconds'),
    warningSeconds: z.number().min(0).default(300).describe('The notebook is told this long before the end, seconds'),
  }),
  store: section({
    url: z
      .union([z.literal(''), z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgresql:// URL' })])
      .default('')
      .describe('`postgresql://user:password@host/database`; empty: an SQLite file in the data folder'),
    tls: tls('PostgreSQL'),
    connections: z.int().positive().default(10).describe('Connections of one service to PostgreSQL, at most'),
    timeoutSeconds: z
      .number()
      .positive()
      .default(10)
      .describe('How long PostgreSQL may take to accept a connection, or for one statement, seconds'),
    leaseSeconds: z
      .number()
      .min(1)
      .default(3)
      .describe('A gatekeeper that is not heard of for so long is replaced by the one that stands by, seconds'),
    keepEndedSeconds: z
      .number()
      .min(3600)
      .default(30 * 86_400)
      .describe('Rows of ended kernels, dead tokens and the input log are removed after this, seconds'),
    inputLogSteps: z
      .int()
      .min(1_000)
      .default(100_000)
      .describe('Steps of the scheduler that are kept to be replayed, and those that lead to the first of them'),
  }),
  bus: section({
    url: z
      .union([z.literal(''), z.url({ protocol: /^amqps?$/, error: 'must be an amqp:// or amqps:// URL' })])
      .default('')
      .describe(
        '`amqp://user:password@host/vhost` of RabbitMQ; empty: services of one process, joined by message ports',
      ),
    tls: tls('RabbitMQ'),
    prefetch: z
      .int()
      .positive()
      .max(65_535)
      .default(500)
      .describe('Messages that a service works on at once; the rest wait in RabbitMQ'),
    timeoutSeconds: z.number().positive().default(10).describe('How long the answer to a command may take, seconds'),
    publishSeconds: z
      .number()
      .positive()
      .default(5)
      .describe('How long a message may wait until RabbitMQ has confirmed it, outages included, seconds'),
    maxPublishing: z
      .int()
      .positive()
      .default(10_000)
      .describe('Messages of one service that may wait for that at once; more are refused'),
    reconnectSeconds: z
      .number()
      .positive()
      .default(5)
      .describe('Longest pause between two attempts to connect; the first is a fiftieth of it, seconds'),
  }),
  compute: section({
    host: z
      .enum(['process', 'kubernetes'])
      .default('process')
      .describe('Where kernels run: as processes of this machine, or as pods of a cluster'),
    kubeconfig: z
      .string()
      .default('')
      .describe('File that says how to reach the cluster; empty: the account of the pod that the service runs in'),
    launcher: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/i, 'must be a value of a label')
      .default('beamgate')
      .describe('Marks the pods of this service; services that share a cluster need different ones'),
    namespace: z
      .string()
      .default('beamgate-kernels')
      .describe('Namespace of the pods, but for those of projects that have their own'),
    agentImage: z.string().default('').describe('Image of the agent, which stands beside each kernel in its pod'),
    images: z
      .record(z.string(), z.strictObject({ image: z.string().min(1), python: z.string().min(1).default('python3') }))
      .default({})
      .describe('Image of each environment, by its name, and the Python in it; others are not offered'),
    imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent').describe('Of both images'),
    uid: KernelUid.default(10002).describe('User id of kernels without a project; the agent has 10001'),
    gid: z.int().positive().default(10002).describe('Group id of kernels without a project'),
    groups: z.array(z.int().positive()).default([]).describe('More group ids of kernels without a project'),
    volumes: PodVolumes.default([]).describe(
      'Volumes of kernels without a project: {name, claim | hostPath | nfs: {server, path}, mountPath, readOnly, subPath}',
    ),
    projects: PodProjects.default({}).describe(
      'Project → {namespace, uid, gid, groups, volumes} of its kernels; one that is not named here is as none',
    ),
    identity: z
      .enum(['project', 'person'])
      .default('project')
      .describe('Whose user id a kernel has: that of its project, or of its owner, who then waits for a cold start'),
    persons: z
      .record(z.string(), PodIdentity)
      .default({})
      .describe('User → {uid, gid, groups, volumes}, for `person`; nobody else gets a kernel then'),
    priorityClass: z.string().default('').describe('PriorityClass of the pods; empty: that of the cluster'),
    tolerations: z.array(Toleration).default([]).describe('Taints of nodes that the pods bear, as a pod states them'),
    deviceResources: DeviceResources.default({}).describe(
      'GPU model (label `nvidia.com/gpu.product`), `share:MODEL` or `mig:PROFILE` → name of the resource; others: `nvidia.com/gpu`, `nvidia.com/gpu.shared`, `nvidia.com/mig-PROFILE`',
    ),
  }),
  pools: section({
    kernelspecs: z
      .record(
        z.string(),
        z.strictObject({
          floor: z.int().min(0).describe('Kept ready however little they are asked for'),
          ceiling: z.int().min(0).describe('Kept ready at most, by what was asked for in the last five minutes'),
        }),
      )
      .default({ python3: { floor: 2, ceiling: 8 } })
      .describe('Warm kernels by kernelspec: started, of its default profile, and waiting for somebody'),
    budget: z.int().min(0).default(16).describe('Warm kernels of all kernelspecs together, at most'),
    projectActiveSeconds: z
      .number()
      .positive()
      .max(1_000_000)
      .default(3600)
      .describe(
        'In a cluster, a project has warm kernels of its own for so long after its last one like them, seconds',
      ),
  }),
  channels: section({
    pendingBytes: z
      .int()
      .positive()
      .default(16 * 1024 * 1024)
      .describe('Kept per socket while its kernel waits, bytes'),
    maxMessageBytes: z
      .int()
      .positive()
      .default(512 * 1024 * 1024)
      .describe('Largest message of a client, bytes'),
    pingIntervalSeconds: z.number().positive().default(30).describe('Ping of a quiet socket, seconds'),
    stalledSeconds: z
      .number()
      .positive()
      .default(60)
      .describe('A client that takes nothing of what waits for it is ended after this, seconds'),
    maxSockets: z
      .int()
      .positive()
      .default(10_000)
      .describe('Sockets at once, and streams of events, counted apart; more are refused with 503'),
    maxSocketsPerUser: z
      .int()
      .positive()
      .default(1000)
      .describe('Sockets at once to the kernels of one owner; more are refused with 429'),
    maxSocketsPerKernel: z
      .int()
      .positive()
      .default(100)
      .describe('Sockets at once to one kernel; more are refused with 429'),
    maxMalformed: z.int().positive().default(32).describe('Malformed messages in a row that end a socket'),
    ringBytes: z
      .int()
      .min(1024 ** 2)
      .max(16 * 1024 ** 3)
      .default(64 * 1024 * 1024)
      .describe('Output kept per kernel for clients that return, bytes'),
    retentionSeconds: z
      .int()
      .min(1)
      .max(30 * 24 * 3600)
      .default(3600)
      .describe('How long the output of a gone session is kept, seconds'),
    orphanSeconds: z
      .int()
      .positive()
      .default(86400)
      .describe('An idle kernel without any service ends after this, seconds'),
  }),
  scheduling: section(schedulingShape),
  profiles: z
    .record(z.string(), Profile)
    .default({
      small: { requests: { cpuMilli: 500, memoryBytes: GiB / 4 }, limits: { cpuMilli: null, memoryBytes: 4 * GiB } },
    })
    .describe('Sizes of kernels, by name'),
  defaultProfile: z.string().default('small').describe('Profile used when a kernelspec names none'),
  log: section({
    level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info').describe('Least level written'),
    file: z
      .string()
      .default('')
      .describe('Append to this file; empty: `logs/beamgate.log` in the data folder, `-`: stderr'),
  }),
});
export type Config = z.infer<typeof Config>;

/** The user whose token `npm start` prints, and who every caller is under `auth.mode` none. */
export const localUser = (): string => userInfo().username;
