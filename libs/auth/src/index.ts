export * from './auth.guard.js';
export * from './auth.module.js';
export * from './authenticator.js';
export * from './built-in-issuer.js';
export * from './granted-names.js';
export * from './ownership.js';
export * from './token-from-request.js';
export * from './token-status.js';
