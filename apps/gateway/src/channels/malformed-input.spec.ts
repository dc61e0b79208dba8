import { MalformedInput } from './malformed-input.js';

it('tells once a second of all that came, and ends after too many in a row', () => {
  const input = new MalformedInput(4);
  expect(input.bad(0)).toEqual({ tooMany: false, tell: 1 });
  expect(input.bad(10)).toEqual({ tooMany: false, tell: 0 });
  expect(input.bad(1000)).toEqual({ tooMany: false, tell: 2 });
  input.good();
  expect(input.bad(1001)).toEqual({ tooMany: false, tell: 0 });
  expect(input.bad(1002)).toEqual({ tooMany: false, tell: 0 });
  expect(input.bad(1003)).toEqual({ tooMany: false, tell: 0 });
  expect(input.bad(1004)).toEqual({ tooMany: true, tell: 4 });
});
