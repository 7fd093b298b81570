import { minimatch } from 'minimatch';
import type { UpstreamSettings } from '../config/schema.ts';

/** The settings that decide freshness, and the global switch. */
export interface FreshnessRules {
  readonly settings: Pick<UpstreamSettings, 'mode' | 'ttl' | 'tags' | 'onDemand'>;
  readonly isOffline: boolean;
}

/** How long a tag is served without asking, in milliseconds; Infinity: never asked (again). */
export function tagTtlMs(rules: FreshnessRules, repository: string, tag: string): number {
  const { mode, onDemand } = rules.settings;
  if (rules.isOffline || mode !== 'check' || !onDemand) return Number.POSITIVE_INFINITY;
  for (const rule of rules.settings.tags) {
    const subject = rule.pattern.includes(':') ? `${repository}:${tag}` : tag;
    if (minimatch(subject, rule.pattern, { dot: true, nocomment: true, nonegate: true }))
      return rule.ttl === 'immutable' ? Number.POSITIVE_INFINITY : rule.ttl;
  }
  return rules.settings.ttl;
}

/**
 * Whether something checked at `checkedAt` may be served at `now` without asking. A check in the future means that the
 * clock was set back: then nothing is known about its age, and it is asked again.
 */
export function isFresh(checkedAt: number, ttlMs: number, now: number): boolean {
  if (ttlMs === Number.POSITIVE_INFINITY) return true;
  const age = now - checkedAt;
  return age >= 0 && age < ttlMs;
}
