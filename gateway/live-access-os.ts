/** SSH sessions that go on, put together: their table, the alerts on them, the reader of typed commands. */
import type { Log } from '#lib/log'
import { watchForAlerts } from './alert/alert-tap.ts'
import { openSinks } from './alert/open-sinks-os.ts'
import { looksAtCommands } from './alert/session-alerts.ts'
import type { AuditLog } from './audit/audit-log-store.ts'
import type { GatewayConfig } from './config/gateway-config.ts'
import type { Reconsideration } from './flow/reconsider-job.ts'
import { readTypedCommands } from './live/command-feed-job.ts'
import { createLiveSessions, type LiveSessions } from './live/live-sessions.ts'
import type { SshAlertRule } from './policy/ssh-alert-rule.ts'
import type { Sessions } from './session/sessions-store.ts'

export type LiveAccessOptions = {
  /** Where alerts go. */
  readonly alerts: GatewayConfig['alerts']
  /** Of the policy in force. */
  readonly rules: () => readonly SshAlertRule[]
  readonly audit: AuditLog
  readonly sessions: Sessions
  readonly tell: Reconsideration['tell']
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

export type LiveAccess = { readonly live: LiveSessions; readonly endLive: () => void }

export function openLiveAccess(options: LiveAccessOptions): LiveAccess {
  const { rules, audit, sessions, tell, log, now } = options
  const live = createLiveSessions()
  const sinks = openSinks(options.alerts, { log, now })
  watchForAlerts(live, {
    ...{ audit, log, now, rules, send: sinks.send },
    requireLogin(deviceId, application) {
      const change = sessions.revoke({ kind: 'application_session', deviceId, application })
      // In the next turn, so that the user of the session that ends has read why.
      setImmediate(() => tell(change))
    },
  })
  const typedCommands = readTypedCommands(live, {
    isNeeded: ({ about: { application }, recorded, recordScope }) =>
      (recorded && recordScope === 'commands') || looksAtCommands(application, rules()),
    log,
  })
  return {
    live,
    endLive() {
      sinks.stop()
      void typedCommands.stop()
    },
  }
}
