export * from './launcher.module.js';
