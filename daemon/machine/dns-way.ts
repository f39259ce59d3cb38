/** One way of taking over the DNS of this machine, in force. */
import type { Result } from '#lib/result'
import type { DnsRefusal, DnsWanted } from './dns-plan.ts'

export interface DnsWay {
  /** After a refusal what was in force before still is, unless `lost` says otherwise. */
  change(wanted: DnsWanted, signal: AbortSignal): Promise<Result<undefined, DnsRefusal>>
  /** The machine's DNS is as without us once this settles. */
  undo(signal: AbortSignal): Promise<void>
  /** Whom it does not serve though it was to, and why. */
  leftOut?(): DnsRefusal | undefined
  /** Why it is in force no more, though nobody undid it. */
  lost(): DnsRefusal | undefined
  /** Settles when it was lost to an accident, so that taking it again may help. */
  readonly gone?: Promise<void>
}
