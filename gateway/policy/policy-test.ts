/** Tests inside a policy, as written. */
import type { Transport } from '#lib/net/flow-endpoint'
import type { HostName } from '#lib/net/host'
import type { Reason } from './reasons.ts'

/** Who asks in a test of the policy; what is absent is not known. */
export type TestSubject = {
  readonly email?: string
  readonly groups?: readonly string[]
  readonly provider?: string
  readonly claims?: ReadonlyMap<string, readonly string[]>
  readonly amr?: readonly string[]
  readonly acr?: string
  readonly loginAgeMs?: number
  readonly deviceId?: string
  readonly service?: string
  readonly source?: string
  readonly country?: string
  readonly posture?: ReadonlyMap<string, boolean>
  readonly evaluations?: ReadonlyMap<string, boolean>
  readonly consents: readonly {
    readonly kind: 'purpose' | 'approval'
    readonly application: string
  }[]
}

/** What a test asks about: a connection, or a question of the DNS. */
export type Tested =
  | {
      readonly host: string
      readonly port: number
      readonly transport: Transport
      readonly address?: string
    }
  | { readonly question: { readonly name: HostName; readonly type: number } }

/** A decision that the policy must come to, or it is not put in force. */
export type PolicyTest = Tested & {
  readonly name: string
  readonly subject: TestSubject
  readonly atSeconds: number
  readonly expect: 'allow' | 'deny'
  readonly reason?: Reason
  readonly application?: string
}
