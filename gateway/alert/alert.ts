/** An alert as those outside get it. */
import type { SessionAbout } from '../live/live-session.ts'
import type { AlertMatch } from './session-alerts.ts'

/** Names were validated when policy, flow and login were parsed; `text` is whatever a client sent. */
export type Alert = Omit<SessionAbout, 'id' | 'startedAtMs' | 'policy'> & {
  readonly type: 'ssh_alert'
  /** Of this alert; it may be delivered twice. */
  readonly id: string
  readonly rule: string
  readonly action: string
  readonly match: string
  /** Of the recording too. */
  readonly session: string
  /** ISO 8601. */
  readonly at: string
  /** Into the recording, ms. */
  readonly offsetMs: number
  readonly text?: string
}

/** Longest text that an alert repeats, characters. */
const TEXT_LIMIT = 1000

/** Takes alerts; neither throws nor waits. */
export type SendAlert = (alert: Alert) => void

export function alertOf(
  { rule, kind, text }: AlertMatch,
  about: SessionAbout,
  when: { readonly id: string; readonly nowMs: number; readonly offsetMs: number },
): Alert {
  const { id: session, startedAtMs: _, policy: _policy, ...rest } = about
  return {
    ...{ type: 'ssh_alert', id: when.id, rule: rule.name, action: rule.action, match: kind },
    ...{ session, ...rest, at: new Date(when.nowMs).toISOString(), offsetMs: when.offsetMs },
    ...(rule.includeText && text !== undefined && { text: text.slice(0, TEXT_LIMIT) }),
  }
}
