/**
 * Watches each SSH session by the alert rules in force. An alert is audited, recorded, logged and sent; then its
 * session may end, before what matched is forwarded.
 */
import { randomUUID } from 'node:crypto'
import type { Log } from '#lib/log'
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import type { AuditLog } from '../audit/audit-log-store.ts'
import type { LiveSession, SessionTap } from '../live/live-session.ts'
import type { LiveSessions } from '../live/live-sessions.ts'
import type { SshAlertRule } from '../policy/ssh-alert-rule.ts'
import { type Asked, WHOLE_SESSION } from '../ssh/relay/relay-watch.ts'
import type { Side } from '../ssh/relay/side.ts'
import { alertOf, type SendAlert } from './alert.ts'
import { type AlertMatch, rulesFor, SessionAlerts } from './session-alerts.ts'

export type AlertDeps = {
  /** Of the policy in force. */
  readonly rules: () => readonly SshAlertRule[]
  readonly audit: Pick<AuditLog, 'note'>
  readonly send: SendAlert
  /** Makes the login of a device worthless at an application. */
  readonly requireLogin: (deviceId: string, application: string) => void
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

/** Watches every session that begins from now on. */
export function watchForAlerts(live: Pick<LiveSessions, 'onBegun'>, deps: AlertDeps): void {
  live.onBegun((session) => session.follow(new AlertTap(session, deps)))
}

class AlertTap implements SessionTap {
  readonly #session: LiveSession
  readonly #deps: AlertDeps
  readonly #alerts: SessionAlerts
  #isOver = false

  constructor(session: LiveSession, deps: AlertDeps) {
    const { application } = session.about
    this.#session = session
    this.#deps = deps
    this.#alerts = new SessionAlerts(() => rulesFor(application, deps.rules()))
  }

  data(_channel: number, stream: StreamName, bytes: Uint8Array): void {
    const direction = stream === 'input' ? 'upload' : 'download'
    this.#raise(this.#alerts.passing(direction, bytes.length))
  }

  unrecorded(from: Side, octets: number): void {
    this.#raise(this.#alerts.passing(from === 'user' ? 'upload' : 'download', octets))
  }

  event(event: SessionEvent): void {
    this.#raise(this.#alerts.event(event))
  }

  asking(asked: Asked): void {
    this.#raise(this.#alerts.asking(asked))
  }

  end(): void {
    this.#isOver = true
  }

  #raise(matches: readonly AlertMatch[]): void {
    if (matches.length === 0 || this.#isOver) return
    try {
      for (const match of matches) this.#tell(match)
    } catch (error) {
      // What cannot be audited does not go on.
      this.#deps.log.error({ error: String(error), session: this.#session.about.id }, 'alert lost')
      this.#session.end('ended_by_alert')
    }
    this.#act(matches.map(({ rule }) => rule.action))
  }

  #tell(match: AlertMatch): void {
    const { audit, log, now, send } = this.#deps
    const { about, elapsedMs } = this.#session
    const { rule, kind } = match
    const offsetMs = Math.round(elapsedMs)
    const facts = { rule: rule.name, action: rule.action, match: kind, offsetMs }
    const { id: recording, user, deviceId, application, host, unixUser } = about
    const who = { user, deviceId, application, host, unixUser }
    audit.note('ssh_alert', { ...facts, recording, ...who })
    this.#session.note({
      ...{ type: 'alert', channel: WHOLE_SESSION, rule: rule.name, action: rule.action },
    })
    log.warn({ ...facts, session: recording, ...who }, 'ssh alert')
    send(alertOf(match, about, { id: randomUUID(), nowMs: now(), offsetMs }))
  }

  #act(actions: readonly SshAlertRule['action'][]): void {
    const { deviceId, application } = this.#session.about
    if (actions.includes('require_login')) {
      this.#session.end('login_required_by_alert')
      this.#deps.requireLogin(deviceId, application)
    } else if (actions.includes('end')) this.#session.end('ended_by_alert')
  }
}
