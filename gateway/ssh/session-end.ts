/** Why SSH sessions end: stable codes for records and logs, and the words that a person at the client reads. */
import { type Reason, sentenceFor } from '../policy/reasons.ts'
import type { Side } from './relay/side.ts'
import type { TransportClosed } from './transport/transport-types.ts'

/** Why no session came about, after the client had said who wants to log in. */
export type LoginRefusal =
  | 'unix_user_not_allowed'
  | 'force_command_unsupported'
  | 'recording_unavailable'
  | 'authority_unavailable'
  | 'too_many_sessions'
  | 'host_key_unknown'
  | 'host_key_refused'
  | 'target_refused'
  | 'target_failed'

/** What the words are about; both names were validated when the flow and the login were parsed. */
export type LoginSubject = { readonly unixUser: string; readonly host: string }

const REFUSALS: Readonly<Record<LoginRefusal, (subject: LoginSubject) => string>> = {
  unix_user_not_allowed: ({ unixUser, host }) =>
    `you may not log in to ${host} as "${unixUser}". Try another user name, or ask your administrator.`,
  force_command_unsupported: () =>
    'this certificate permits one command only, which this gateway cannot enforce. Use no certificate.',
  recording_unavailable: () =>
    'the session must be recorded, and the gateway cannot record it now. Tell your administrator.',
  authority_unavailable: () =>
    'the gateway cannot sign logins now: its SSH authority is not there. Tell your administrator.',
  too_many_sessions: () =>
    'you have as many sessions in this application as you may have at once. End one first.',
  host_key_unknown: ({ host }) =>
    `the gateway knows no host key of ${host}, so nobody is let through. Ask your administrator to register it: ` +
    `zt admin ssh-targets scan ${host}`,
  host_key_refused: ({ host }) =>
    `what answers as ${host} has another host key than the registered one. It may be an impostor. ` +
    'If the host was set up anew, your administrator must accept its new key: ' +
    `zt admin ssh-targets scan ${host}`,
  target_refused: ({ unixUser, host }) =>
    `${host} did not let "${unixUser}" in. Its sshd must trust the gateway's user authority ` +
    '(TrustedUserCAKeys), the user must exist, and its clock must be right, and no address translation may stand in between.',
  target_failed: ({ host }) => `${host} ended the connection before the login. Try again later.`,
}

/** One line or two for the client's terminal. */
export function refusalText(reason: LoginRefusal | Reason, subject: LoginSubject): string {
  return `zt: ${isLoginRefusal(reason) ? REFUSALS[reason](subject) : sentenceFor(reason)}`
}

function isLoginRefusal(reason: LoginRefusal | Reason): reason is LoginRefusal {
  return Object.hasOwn(REFUSALS, reason)
}

/** Ends that the gateway makes, and the words with them. */
export const GATEWAY_ENDS = {
  recording_failed: 'zt: the recording failed, so the session ends',
  certificate_revoked: 'zt: a certificate of this session was revoked',
  session_time_exceeded: 'zt: the session lasted as long as a session may',
  no_moderator: 'zt: no moderator was there in time',
  idle_timeout: 'zt: the session was idle for too long',
  login_grace_exceeded: 'zt: login took too long',
  internal_error: 'zt: internal error of the gateway',
  ended_by_administrator: 'zt: an administrator ended this session',
  ended_by_alert: 'zt: a rule of your organisation ended this session',
  login_required_by_alert:
    'zt: a rule of your organisation ended this session; log in again to go on',
} as const
export type GatewayEnd = keyof typeof GATEWAY_ENDS

/** What a user whose session is moderated reads before it begins. @param id of the session. */
export function moderatedText(id: string): string {
  return `zt: this session starts when a moderator joins: zt admin ssh-sessions watch ${id} --moderate --as EMAIL`
}

/** The code of an end that a side brought about: `done` when the user's client said goodbye, else who did what. */
export function closeReasonOf(side: Side, closed: TransportClosed): string {
  if (side === 'user' && closed.reason === 'disconnected') return 'done'
  return `${side}_${closed.reason}`
}

/** Said to a client that showed none where one is required. */
export const CERTIFICATE_WANTED =
  'zt: this host wants an SSH certificate of yours: run "zt ssh-cert", and try again.'
