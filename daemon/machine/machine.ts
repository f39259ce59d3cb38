/** Links and routing of this machine as values: read by ./ip-json.ts. Prefixes are parsed; nothing in it is a secret. */
import type { IpAddress } from '#lib/net/address'
import type { Prefix } from '#lib/net/prefix'

/** One network interface with its addresses. */
export type Link = {
  readonly name: string
  /** As the kernel calls it; empty for hardware and loopback, and where it was not asked for. */
  readonly kind: string
  readonly isUp: boolean
  readonly addresses: readonly InterfaceAddress[]
}

/** An address of an interface; unlike a prefix it keeps its host bits. */
export type InterfaceAddress = { readonly address: IpAddress; readonly length: number }

/** One route of any table. */
export type Route = {
  readonly family: 4 | 6
  /** `unicast` leads somewhere, `throw` goes on with the next rule, the others refuse. */
  readonly type: string
  readonly to: Prefix
  /** Name or number. */
  readonly table: string
  readonly via?: IpAddress
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
  /** Interface that the socket is bound to. */
  readonly boundTo?: string
  readonly uids?: UidRange
}

/** Users from `first` to `last`, both included. */
export type UidRange = { readonly first: number; readonly last: number }

/** What the plan depends on. */
export type Machine = {
  readonly links: readonly Link[]
  readonly routes: readonly Route[]
  readonly rules: readonly Rule[]
}
