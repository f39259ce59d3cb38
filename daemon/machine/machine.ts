/** Routing of this machine as values: read by ./ip-json.ts. Prefixes are parsed; nothing in it is a secret. */
import type { Prefix } from '#lib/net/prefix'

/** One route of any table. */
export type Route = {
  readonly family: 4 | 6
  /** `unicast` leads somewhere, `throw` goes on with the next rule, the others refuse. */
  readonly type: string
  readonly to: Prefix
  /** Name or number. */
  readonly table: string
  readonly device?: string
  readonly metric?: number
}

/** One rule of the routing policy (ip-rule(8)). */
export type Rule = {
  readonly family: 4 | 6
  readonly preference: number
  /** Name or number of the table looked up; undefined where the rule refuses. */
  readonly table?: string
  readonly action?: string
  readonly from?: Prefix
  readonly to?: Prefix
  /** Interface that the packet came in by; `lo` is what this machine sends. */
  readonly device?: string
  readonly uids?: UidRange
}

/** Users from `first` to `last`, both included. */
export type UidRange = { readonly first: number; readonly last: number }
