/**
 * Routes and rules of ours as lines of `ip -batch`, and what its complaints mean. Pure. Adding what is there and
 * removing what is gone are no failures: the machine may have changed since it was looked at.
 */
import { formatPrefix } from '#lib/net/prefix'
import type { Route, Rule } from './machine.ts'
import { isOurRoute, isOurRule } from './ours.ts'

/** What is done with an item. */
export type Verb = 'add' | 'remove'

/** One line for a route of our table. @throws {Error} when the route is not ours. */
export function routeLine(verb: Verb, route: Route): string {
  if (!isOurRoute(route)) throw new Error(`not a route of ours: table ${route.table}`)
  return [
    `route ${verb === 'add' ? 'replace' : 'del'}`,
    ...(route.type === 'unicast' ? [] : [route.type]),
    formatPrefix(route.to),
    ...optional('dev', route.device),
    ...optional('metric', route.metric),
    `table ${route.table}`,
  ].join(' ')
}

/** One line for a rule of ours. @throws {Error} when the rule is not ours. */
export function ruleLine(verb: Verb, rule: Rule): string {
  if (!isOurRule(rule)) throw new Error(`not a rule of ours: preference ${rule.preference}`)
  return [
    `rule ${verb === 'add' ? 'add' : 'del'} pref ${rule.preference}`,
    ...optional('from', rule.from && formatPrefix(rule.from)),
    ...optional('to', rule.to && formatPrefix(rule.to)),
    ...optional('iif', rule.device),
    ...optional('oif', rule.boundTo),
    ...optional('uidrange', rule.uids && `${rule.uids.first}-${rule.uids.last}`),
    ...optional('lookup', rule.table),
    ...(rule.action === undefined ? [] : [rule.action]),
  ].join(' ')
}

function optional(word: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${word} ${value}`]
}

/** Complaints that mean: it is as wanted already. */
const SETTLED: Readonly<Record<Verb, RegExp>> = {
  add: /File exists|already assigned/,
  remove: /No such process|No such file or directory/,
}

/** A line that failed for a reason, with the complaint. */
export type BatchFailure = { readonly line: string; readonly complaint: string }

function isComplaint(said: string): boolean {
  return said !== '' && !said.startsWith('Warning:')
}

/** Lines of a batch that failed. @param stderr of `ip -force -batch -`. */
export function batchFailures(
  verb: Verb,
  lines: readonly string[],
  stderr: string,
): readonly BatchFailure[] {
  const failures: BatchFailure[] = []
  let complaint = ''
  for (const said of stderr.split('\n')) {
    const [, number] = /^Command failed -:(\d+)$/.exec(said) ?? []
    if (number === undefined) complaint = isComplaint(said) ? said : complaint
    else {
      const line = lines[Number(number) - 1] ?? ''
      if (!SETTLED[verb].test(complaint)) failures.push({ line, complaint })
      complaint = ''
    }
  }
  // A line that `ip` cannot read ends it, without its number.
  return complaint === '' ? failures : [...failures, { line: '', complaint }]
}
