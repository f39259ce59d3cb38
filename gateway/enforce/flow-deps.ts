/** What enforcement is made of: each part is handed in, so that a test can put a real or a scripted one. */
import type { Log } from '#lib/log'
import type { StandingOf } from '../facts/gather.ts'
import type { FlowRecorderDeps } from '../flow/flow-recorder.ts'
import type { FlowTable } from '../flow/flow-table.ts'
import type { Facts } from '../policy/facts.ts'
import type { Hold } from '../prompt/hold.ts'
import type { Sessions } from '../session/sessions-store.ts'
import type { User } from '../store/store.ts'
import type { Decider } from './decider.ts'
import type { Dial } from './dial-client.ts'
import type { AliasesOf, Resolve } from './resolve-client.ts'
import type { ServeSsh, TargetStream } from './ssh-service.ts'

export type FlowServerDeps = {
  readonly decider: Decider
  readonly table: FlowTable
  readonly records: FlowRecorderDeps
  /** `store.users.get`. */
  readonly user: (id: string) => User | undefined
  readonly standing: StandingOf
  /** Where the use of applications is noted. */
  readonly sessions: Pick<Sessions, 'used'>
  /** Has what is decided until a time decided again then, Unix seconds. */
  readonly reconsiderAt: (seconds: number) => void
  /** Tells the device that a flow of its was cut; `facts` are the flow's. */
  readonly notify: (facts: Facts, reason: string) => void
  /** Tells a device something about a flow of its that goes on. */
  readonly tell: (deviceId: string, reason: string, sentence: string) => void
  /** Lets a flow wait for its user. */
  readonly hold: Hold
  /** The facts with what external evaluators say; without it nobody is asked. */
  readonly gather?: (facts: Facts) => Facts | Promise<Facts>
  readonly resolve: Resolve
  readonly aliasesOf: AliasesOf
  readonly dial: Dial
  /** As `dial`, for UDP: a stream of capsules with one datagram each. */
  readonly dialUdp: Dial<TargetStream>
  /** As `dialUdp`, for ping: messages as in `echo-message.ts`. */
  readonly dialIcmp: Dial<TargetStream, 'icmp_unavailable'>
  readonly serveSsh: ServeSsh
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
  readonly timing?: Partial<FlowTiming>
}

/** Times of a flow's set-up, milliseconds. */
export type FlowTiming = {
  /** For all addresses of a target together. */
  readonly dialMs: number
}

/** Defaults. */
export const FLOW_TIMING: FlowTiming = { dialMs: 10_000 }
