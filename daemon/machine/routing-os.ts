/** Looks at links and routing of this machine, and changes them, by `ip` (iproute2). */
import { err, ok, type Result } from '#lib/result'
import { runSystem } from '../posture/run-os.ts'
import type { Batch } from './changes.ts'
import { type BatchFailure, batchFailures } from './ip-batch.ts'
import { parseLinks, parseRoutes, parseRules } from './ip-json.ts'
import type { Machine } from './machine.ts'

/** `ip` is missing or complains. */
export type LookRefusal = { readonly reason: 'cannot_look'; readonly detail: string }

/** What the plan depends on, now. @throws {Error} when `ip` hangs. */
export async function lookAtRouting(signal: AbortSignal): Promise<Result<Machine, LookRefusal>> {
  const links = await ask(['address', 'show'], signal)
  const rules4 = await ask(['-4', 'rule', 'show'], signal)
  const rules6 = await ask(['-6', 'rule', 'show'], signal)
  const routes4 = await ask(['-4', 'route', 'show', 'table', 'all'], signal)
  const routes6 = await ask(['-6', 'route', 'show', 'table', 'all'], signal)
  if (!links.ok) return links
  if (!rules4.ok) return rules4
  if (!rules6.ok) return rules6
  if (!routes4.ok) return routes4
  if (!routes6.ok) return routes6
  return ok({
    links: parseLinks(links.value),
    rules: [...parseRules(rules4.value, 4), ...parseRules(rules6.value, 6)],
    routes: [...parseRoutes(routes4.value, 4), ...parseRoutes(routes6.value, 6)],
  })
}

async function ask(
  words: readonly string[],
  signal: AbortSignal,
): Promise<Result<string, LookRefusal>> {
  const said = await runSystem('ip', ['-j', ...words], signal)
  if (said === undefined) return err({ reason: 'cannot_look', detail: 'ip is not installed' })
  // A kernel without IPv6 has nothing in it.
  if (said.code === 0 || /not supported/.test(said.stderr)) return ok(said.stdout)
  return err({ reason: 'cannot_look', detail: `ip ${words.join(' ')}: ${said.stderr.trim()}` })
}

/** What was done, in lines of `ip -batch`. */
export type Changed = {
  readonly done: readonly string[]
  readonly failed: readonly BatchFailure[]
}

/** Carries batches out, each to its end whatever fails in it. @throws {Error} when `ip` hangs. */
export async function applyBatches(
  batches: readonly Batch[],
  signal: AbortSignal,
): Promise<Changed> {
  const done: string[] = []
  const failed: BatchFailure[] = []
  for (const { family, verb, lines } of batches) {
    const input = `${lines.join('\n')}\n`
    const said = await runSystem('ip', [`-${family}`, '-force', '-batch', '-'], signal, { input })
    const failures = batchFailures(verb, lines, said?.stderr ?? '')
    failed.push(...failures)
    done.push(...lines.filter((line) => !failures.some((failure) => failure.line === line)))
  }
  return { done, failed }
}
