import { ConfigError } from '../errors.ts';
import { readTextFile, unreadableReason } from '../lib/text-file.ts';
import { parsePolicy } from '../policy/parse-policy.ts';
import type { ParsedPolicy } from '../policy/parse-policy.ts';
import { policyLimitBytes } from '../policy/policy-store.ts';

/** A policy file that could be read, right or wrong. */
export interface PolicyFile extends ParsedPolicy {
  readonly text: string;
}

/**
 * Reads a policy file; what is wrong in it is among its problems.
 * @throws ConfigError (CONFIG_INVALID) when there is no such file
 */
export function readPolicyFile(path: string): PolicyFile {
  let text: string;
  try {
    text = readTextFile(path, policyLimitBytes);
  } catch (error) {
    throw new ConfigError([`${path} ${unreadableReason(error)}.`], { value: path, cause: error });
  }
  return { text, ...parsePolicy(path, text) };
}

/** Why a policy file can't be used, each a sentence; none for "": no file is used. */
export function policyFileProblems(path: string): readonly string[] {
  if (path === '') return [];
  try {
    return readPolicyFile(path).problems;
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
