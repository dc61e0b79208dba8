import type { Algorithm, JwtPayload } from 'jsonwebtoken';
import { Strategy } from 'passport-jwt';
import { Problem, Unauthenticated } from '#libs/contracts';
import type { KeyOfToken } from './issuer-keys.js';

/** Signatures of key pairs only: with a shared secret a verifier could also sign, and `none` proves nothing. */
const ALGORITHMS: Algorithm[] = ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'];

export interface JwtRules {
  issuer: string;
  audience: string;
  clockToleranceSeconds: number;
  keyOf: KeyOfToken;
}

/** Verifies a token and gives its claims. @throws Unauthenticated saying which check failed; Unavailable */
export type VerifyJwt = (token: string) => Promise<JwtPayload>;

/** What is wrong with a token, in words that help its owner and tell a stranger nothing. */
const refusal = (error: Error & { expiredAt?: Date; date?: Date }, { audience, issuer }: JwtRules): Error => {
  if (error instanceof Problem) return error;
  if (error.expiredAt) return new Unauthenticated(`The token expired at ${error.expiredAt.toISOString()}.`);
  if (error.date) return new Unauthenticated(`The token is not valid before ${error.date.toISOString()}.`);
  if (error.message.startsWith('jwt audience invalid'))
    return new Unauthenticated(`The token has the wrong audience; \`aud\` must be ${audience}.`);
  if (error.message.startsWith('jwt issuer invalid'))
    return new Unauthenticated(`The token has the wrong issuer; \`iss\` must be ${issuer}.`);
  if (error.message === 'invalid algorithm' || error.message.includes('asymmetric key'))
    return new Unauthenticated('The token is signed with an algorithm that is not accepted; use ES, PS or RS.');
  if (error.message.includes('signature'))
    return new Unauthenticated('The signature of the token does not fit the key of its issuer.');
  return new Unauthenticated('The token is malformed.');
};

interface Attempt {
  success(payload: JwtPayload): void;
  fail(reason: Error): void;
  error(reason: Error): void;
  authenticate(request: { token: string }): void;
}

/**
 * One issuer's verification by passport-jwt. The strategy is driven directly, as passport's own middleware does it, so
 * that HTTP requests and WebSocket upgrades are judged by the same code.
 */
export const jwtVerifier = (rules: JwtRules): VerifyJwt => {
  const strategy = new Strategy(
    {
      jwtFromRequest: (request: unknown) => (request as { token: string }).token,
      secretOrKeyProvider: (_request: unknown, token: string, done: (error: unknown, key?: string) => void) => {
        rules.keyOf(token).then(
          // jsonwebtoken takes key objects; only the types of passport-jwt know strings alone.
          (key) => done(null, key as unknown as string),
          (error: unknown) => done(error),
        );
      },
      issuer: rules.issuer,
      audience: rules.audience,
      algorithms: ALGORITHMS,
      jsonWebTokenOptions: { clockTolerance: rules.clockToleranceSeconds },
    },
    (payload: JwtPayload, done: (error: null, user: JwtPayload) => void) => done(null, payload),
  );
  return (token) =>
    new Promise((resolve, reject) => {
      const attempt = Object.create(strategy) as Attempt;
      attempt.success = resolve;
      attempt.fail = (error) => reject(refusal(error, rules));
      attempt.error = reject;
      attempt.authenticate({ token });
    });
};
