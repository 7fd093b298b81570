import { expect } from 'vitest';
import type { ErrorCode, MirrorError } from '../../server/errors.ts';

type ErrorClass<E extends MirrorError> = abstract new (...args: never[]) => E;

/** Passes when `promise` rejects with an error of exactly this class and code; gives the error for more questions. */
export async function rejectsWith<E extends MirrorError>(
  promise: Promise<unknown>,
  errorClass: ErrorClass<E>,
  code: ErrorCode,
): Promise<E> {
  const outcome = await promise.then(
    (value: unknown) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('value' in outcome) return expect.unreachable(`expected ${errorClass.name} (${code}), but it resolved`);
  return check(outcome.error, errorClass, code);
}

/** The same for a function that throws at once. */
export function throwsWith<E extends MirrorError>(act: () => unknown, errorClass: ErrorClass<E>, code: ErrorCode): E {
  try {
    act();
  } catch (error) {
    return check(error, errorClass, code);
  }
  return expect.unreachable(`expected ${errorClass.name} (${code}), but nothing was thrown`);
}

function check<E extends MirrorError>(error: unknown, errorClass: ErrorClass<E>, code: ErrorCode): E {
  expect(error).toBeInstanceOf(errorClass);
  const found = error as E;
  expect({ class: found.constructor.name, code: found.code }).toEqual({ class: errorClass.name, code });
  return found;
}
