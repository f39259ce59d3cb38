/** What the engine asks of the rest of the daemon, and what it tells. Types only. */

import type { Log } from '#lib/log'
import type { IpAddress } from '#lib/net/address'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import type { AnswerQuery } from '../dns/resolver.ts'
import type { OpenDatagrams, OpenFlow } from '../listen/open-flow.ts'

export type InterceptDeps = {
  /** The destination behind an original address: a name for a synthetic one, else the literal; undefined: refuse. */
  readonly targetOf: (address: IpAddress, port: number) => FlowTarget | undefined
  readonly openFlow: OpenFlow
  readonly openDatagrams: OpenDatagrams
  /** DNS that is sent to `resolverAddresses`, port 53. */
  readonly answerQuery: AnswerQuery
  readonly resolverAddresses: readonly IpAddress[]
  readonly log: Log
}
