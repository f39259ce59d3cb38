/**
 * From one routing of ours to another, as lines of `ip -batch` in an order in which no packet goes astray. Pure. From
 * nothing it is the start, to nothing the stop; from what a machine has, the repair.
 */
import { formatPrefix } from '#lib/net/prefix'
import { routeLine, ruleLine, type Verb } from './ip-batch.ts'
import type { Machine, Route, Rule } from './machine.ts'
import { isOurRoute, isOurRule } from './ours.ts'
import type { Routing } from './plan.ts'

/** Nothing of ours. */
export const NO_ROUTING: Routing = { routes: [], rules: [] }

/** What of ours a machine has. */
export function oursOf({ routes, rules }: Machine): Routing {
  return { routes: routes.filter(isOurRoute), rules: rules.filter(isOurRule) }
}

/** One batch: lines that all add or all remove, of one family. */
export type Batch = {
  readonly family: 4 | 6
  readonly verb: Verb
  readonly lines: readonly string[]
}

/** Batches in their order; empty ones are left out. */
export function changes(from: Routing, to: Routing): readonly Batch[] {
  const families = [4, 6] as const
  return [
    ...families.map((family): Batch => ({ family, verb: 'add', lines: added(from, to, family) })),
    ...families.map((family): Batch => ({ family, verb: 'remove', lines: gone(from, to, family) })),
  ].filter(({ lines }) => lines.length > 0)
}

/** Exceptions before what they are exceptions of, and rules last: nobody looks into a table that is half there. */
const ROUTE_ORDER = ['local', 'throw', 'unreachable', 'unicast']

function added(from: Routing, to: Routing, family: 4 | 6): readonly string[] {
  const had = new Set([...from.routes.map(addRoute), ...from.rules.map(addRule)])
  const routes = to.routes.filter(of(family)).toSorted((a, b) => rank(a) - rank(b))
  const lines = [...routes.map(addRoute), ...to.rules.filter(of(family)).map(addRule)]
  return [...new Set(lines)].filter((line) => !had.has(line))
}

/** The other way round. A route whose place another takes was replaced. */
function gone(from: Routing, to: Routing, family: 4 | 6): readonly string[] {
  const kept = new Set([...to.routes.map(placeOf), ...to.rules.map(addRule)])
  const rules = from.rules.filter(of(family)).filter((rule) => !kept.has(addRule(rule)))
  const routes = from.routes
    .filter(of(family))
    .filter((route) => !kept.has(placeOf(route)))
    .toSorted((a, b) => rank(b) - rank(a))
  const lines = [
    ...rules.toReversed().map((rule) => ruleLine('remove', rule)),
    ...routes.map((route) => routeLine('remove', route)),
  ]
  return [...new Set(lines)]
}

const addRoute = (route: Route): string => routeLine('add', route)
const addRule = (rule: Rule): string => ruleLine('add', rule)
const of =
  (family: 4 | 6) =>
  (item: Route | Rule): boolean =>
    item.family === family

function rank({ type }: Route): number {
  return ROUTE_ORDER.indexOf(type)
}

/** What the kernel allows one route for, within a table. */
function placeOf({ to, metric, family, table }: Route): string {
  return `${table} ${formatPrefix(to)} ${metric ?? (family === 4 ? 0 : DEFAULT_METRIC_V6)}`
}

/** IP6_RT_PRIO_USER of the kernel: routes without a metric get it. */
const DEFAULT_METRIC_V6 = 1024
