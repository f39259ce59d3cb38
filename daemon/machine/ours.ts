/**
 * The marks by which anybody, we included, recognises what is ours in the routing of a machine. Nothing else is ever
 * changed or removed.
 */
import type { Route, Rule } from './machine.ts'

/** Routing table of ours; no name in rt_tables. */
export const TABLE = 5254
/** Rules that look into the table: before `main` (32766) and the look-up of Tailscale (5270). */
export const LOOKUP_PREFERENCE = 5250
/** Rules that refuse synthetic addresses which no table led anywhere. */
export const REFUSE_PREFERENCE = 5251

/** Whether a rule is ours. */
export function isOurRule(rule: Rule): boolean {
  if (rule.preference === LOOKUP_PREFERENCE) return rule.table === String(TABLE)
  return rule.preference === REFUSE_PREFERENCE && rule.action === 'unreachable'
}

/** Whether a route is ours. */
export function isOurRoute(route: Route): boolean {
  return route.table === String(TABLE)
}
