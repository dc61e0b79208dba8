export * from './kernel-host.js';
export * from './kubernetes/kubernetes-host-options.js';
export * from './kubernetes/make-kubernetes-host.js';
export * from './kubernetes/pod-launch.js';
export * from './kubernetes/read-kube-config.js';
export * from './process/process-host.js';
export * from './process/process-host-options.js';
export * from './process/term.js';
