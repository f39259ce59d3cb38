/**
 * Takes away what a daemon that died left in the routing of this machine: rules and routes that carry our marks (see
 * ./ours.ts). Works without a journal, and may be run at any time and again.
 */
import { err, ok, type Result } from '#lib/result'
import { runSystem } from '../posture/run-os.ts'
import { type BatchFailure, batchFailures, routeLine, ruleLine } from './ip-batch.ts'
import { parseRoutes, parseRules } from './ip-json.ts'
import type { Route, Rule } from './machine.ts'
import { isOurRoute, isOurRule } from './ours.ts'

type Family = 4 | 6

/** Why nothing was done. */
export type LeftoversRefusal = {
  /** `in_use`: a daemon serves, and its own stop puts everything back; `cannot_look`: `ip` is missing or complains. */
  readonly reason: 'in_use' | 'cannot_look'
  readonly detail: string
}

/** What was done, in lines of `ip -batch`. */
export type Removed = {
  readonly removed: readonly string[]
  readonly failed: readonly BatchFailure[]
}

/** Removes all that is left. @throws {Error} when `ip` hangs. */
export async function removeLeftovers(
  signal: AbortSignal,
): Promise<Result<Removed, LeftoversRefusal>> {
  const v4 = await look(4, signal)
  const v6 = await look(6, signal)
  if (!v4.ok) return v4
  if (!v6.ok) return v6
  const served = [...v4.value.routes, ...v6.value.routes].find(({ type }) => type === 'unicast')
  // Such a route is gone with its device, and the device with the daemon.
  if (served) return err({ reason: 'in_use', detail: `a daemon serves ${served.device}` })
  const four = await remove(4, v4.value, signal)
  const six = await remove(6, v6.value, signal)
  return ok({
    removed: [...four.removed, ...six.removed],
    failed: [...four.failed, ...six.failed],
  })
}

type Leftovers = { readonly rules: readonly Rule[]; readonly routes: readonly Route[] }

async function look(
  family: Family,
  signal: AbortSignal,
): Promise<Result<Leftovers, LeftoversRefusal>> {
  const rules = await ask(family, ['rule', 'show'], signal)
  const routes = await ask(family, ['route', 'show', 'table', 'all'], signal)
  if (!rules.ok) return rules
  if (!routes.ok) return routes
  return ok({
    rules: parseRules(rules.value, family).filter(isOurRule),
    routes: parseRoutes(routes.value, family).filter(isOurRoute),
  })
}

async function ask(
  family: Family,
  words: readonly string[],
  signal: AbortSignal,
): Promise<Result<string, LeftoversRefusal>> {
  const said = await runSystem('ip', ['-j', `-${family}`, ...words], signal)
  if (said === undefined) return err({ reason: 'cannot_look', detail: 'ip is not installed' })
  // A kernel without IPv6 has nothing of ours in it.
  if (said.code === 0 || /not supported/.test(said.stderr)) return ok(said.stdout)
  return err({ reason: 'cannot_look', detail: `ip ${words.join(' ')}: ${said.stderr.trim()}` })
}

/** Rules first: without them nobody looks into the table any more. */
async function remove(
  family: Family,
  { rules, routes }: Leftovers,
  signal: AbortSignal,
): Promise<Removed> {
  const lines = [
    ...rules.map((rule) => ruleLine('remove', rule)),
    ...routes.map((route) => routeLine('remove', route)),
  ]
  if (lines.length === 0) return { removed: [], failed: [] }
  const said = await runSystem('ip', [`-${family}`, '-force', '-batch', '-'], signal, {
    input: `${lines.join('\n')}\n`,
  })
  const failed = batchFailures('remove', lines, said?.stderr ?? '')
  const removed = lines.filter((line) => !failed.some((failure) => failure.line === line))
  return { removed, failed }
}
