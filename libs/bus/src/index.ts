export * from './bus-controller.js';
export * from './command-client.js';
export * from './errors-on-the-bus.js';
export * from './in-process/local-client.js';
export * from './in-process/local-link.js';
export * from './in-process/local-server.js';
export * from './rabbitmq.js';
