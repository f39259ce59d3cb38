/**
 * All that the doctor's judgements are about: what the daemon knows, what the gateway answered, what this machine is.
 */
import type { DaemonStatus } from '#lib/api/control-api'
import type { NamespaceFacts } from '#lib/namespace/obstacle'
import type { Prefix } from '#lib/net/prefix'
import type { GatewayAnswers } from './gateway-answers.ts'
import type { MachineFacts } from './machine-facts.ts'

export type DoctorFacts = {
  readonly mode: 'proxy' | 'transparent'
  /** Unix milliseconds, when the judging begins. */
  readonly nowMs: number
  /** Of the daemon that looks; absent: none answers, and `zt` had a process of its own look. */
  readonly status?: DaemonStatus
  /** Validity of the device's certificate; absent: not enrolled, or not ours to read. */
  readonly certificate?: { readonly notBeforeMs: number; readonly notAfterMs: number }
  /** Absent where there is no gateway to ask. */
  readonly gateway?: GatewayAnswers
  readonly interception: InterceptionFacts
  /** Absent where the program `ip` does not answer. */
  readonly machine?: MachineFacts
  /** Prefixes behind the gateway, and those that synthetic addresses come from. */
  readonly prefixes: readonly Prefix[]
  readonly synthetic: readonly Prefix[]
}

/** What interception, and programs that bring their own, stand on. */
export type InterceptionFacts = {
  /** Whether the package for native calls is there. */
  readonly koffi: boolean
  /** /dev/net/tun as the looking process sees it. */
  readonly tunDevice: 'usable' | 'absent' | 'not_permitted'
  /** Whether programs of any user may open /dev/net/tun. */
  readonly tunOpenToUsers: boolean
  /** CAP_NET_ADMIN in the effective set (capabilities(7)) of the looking process. */
  readonly netAdmin: boolean
  readonly namespaces: NamespaceFacts
  /** Programs that `zt run` needs, and this machine has not. */
  readonly missingPrograms: readonly string[]
}
