import type { RawAnswer } from './raw-http.js';

const TRACE = /\n\s+at |node_modules|\.[cm]?[jt]s:\d+|Error: /;

/** Nothing of our insides is in an answer. */
export const expectNoInsides = ({ text }: RawAnswer): void => expect(text).not.toMatch(TRACE);

/** A refusal in the dialect of Enterprise Gateway; the WebSocket upgrade speaks it too. */
export function expectRefusal(answer: RawAnswer, status: number, message: RegExp): void {
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status });
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(answer.body).toMatchObject({ reason: expect.any(String), message: expect.stringMatching(message) });
  expectNoInsides(answer);
}

/** A refusal on `/v1`, as RFC 9457 has it. */
export function expectProblem(answer: RawAnswer, status: number, detail: RegExp): void {
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status });
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({
    type: expect.stringMatching(/^https:/),
    title: expect.any(String),
    code: expect.any(String),
    status,
    detail: expect.stringMatching(detail),
  });
  expectNoInsides(answer);
}

/** The fields that a refusal names. */
export const fieldsOf = ({ body }: RawAnswer): string[] =>
  ((body['errors'] ?? []) as { field: string }[]).map(({ field }) => field);
