import { expect, it } from '@jest/globals';
import { isConnectionLoss } from './connection-loss.js';

const coded = (code: string): Error => Object.assign(new Error('…'), { code });

it.each([
  coded('ECONNREFUSED'),
  coded('57P01'),
  coded('57P03'),
  coded('08006'),
  coded('53300'),
  coded('25P03'),
  coded('57014'),
  coded('ERR_TLS_CERT_ALTNAME_INVALID'),
  coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'),
  coded('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'),
  coded('CERT_HAS_EXPIRED'),
  coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
  coded('SELF_SIGNED_CERT_IN_CHAIN'),
  coded('ENOENT'),
  new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]),
  new Error('Connection terminated unexpectedly'),
  new Error('timeout exceeded when trying to connect'),
  new Error('Query read timeout'),
  new Error('Client has encountered a connection error and is not queryable'),
])('knows that the way to the database is broken: %s', (error) => expect(isConnectionLoss(error)).toBe(true));

it.each([
  coded('23505'),
  coded('3D000'),
  coded('28P01'),
  coded('40001'),
  new Error('a bug'),
  new AggregateError([]),
  null,
])('leaves what the database says of a statement: %s', (error) => expect(isConnectionLoss(error)).toBe(false));
