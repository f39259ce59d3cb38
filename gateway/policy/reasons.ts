/**
 * Stable codes of every verdict on a flow; never renamed. Two total functions lead out of here:
 * to a sentence for the user (vague), and to the record (the code itself).
 */

/** Why a flow was permitted or denied, or why it did not come about. */
export type Reason =
  | 'allowed_by_policy'
  | 'bypassed_by_policy'
  | 'allowed_by_rule'
  | 'allowed_by_default'
  | 'no_application'
  | 'no_policy_matched'
  | 'denied_by_policy'
  | 'login_insufficient'
  | 'posture_failed'
  | 'justification_required'
  | 'approval_required'
  | 'protection_required'
  | 'blocked_by_rule'
  | 'blocked_by_default'
  | 'address_forbidden'
  | 'address_not_permitted'
  | 'protocol_mismatch'
  | 'quic_blocked'
  | 'device_unknown'
  | 'device_revoked'
  | 'device_expired'
  | 'user_disabled'
  | 'service_token_disabled'
  | 'service_token_expired'
  | 'session_expired'
  | 'session_revoked'
  | 'recording_unavailable'
  | 'bad_destination'
  | 'name_not_found'
  | 'too_many_lookups'
  | 'target_unreachable'
  | 'target_timeout'
  | 'icmp_unavailable'
  | 'gateway_draining'
  | 'too_many_flows'
  | 'policy_changed'
  | 'hold_full'
  | 'too_many_requests'
  | 'prompt_expired'
  | 'approval_denied'
  | 'allowed_by_dns_rule'
  | 'blocked_by_dns_rule'
  | 'overridden_by_dns_rule'
  | 'name_within_reach'
  | 'name_not_permitted'
  | 'name_not_private'

/** A sentence for the person whose flow it was: says what to do, gives away nothing about other rules. */
export function sentenceFor(reason: Reason): string {
  return SENTENCES[reason]
}

/**
 * The reason as it is told to the person: what they may not use, and what is not there, look alike. The record keeps
 * the reason itself.
 */
export function toldReason(reason: Reason): Reason {
  return UNTOLD.has(reason) ? 'no_application' : reason
}

const UNTOLD: ReadonlySet<Reason> = new Set<Reason>([
  'no_policy_matched',
  'denied_by_policy',
  'blocked_by_rule',
  'blocked_by_default',
  'name_not_permitted',
])

/** The sentence for a denial, with the names that its reason leaves out. */
export function sentenceOf({ reason, failedChecks = [] }: Reasoned): string {
  if (reason !== 'posture_failed' || failedChecks.length === 0) return sentenceFor(reason)
  const rest = failedChecks.length > NAMED_CHECKS ? ' and others' : ''
  const names = `${failedChecks.slice(0, NAMED_CHECKS).join(', ')}${rest}`
  return `Checks of this device that did not pass, or are out of date: ${names}. Run "zt status".`
}

/** As many as a header and a person take. */
const NAMED_CHECKS = 5

type Reasoned = { readonly reason: Reason; readonly failedChecks?: readonly string[] }

/** Whether a code that ended a flow is one of these. */
export function isReason(code: string): code is Reason {
  return Object.hasOwn(SENTENCES, code)
}

const SENTENCES: Readonly<Record<Reason, string>> = {
  allowed_by_policy: 'Allowed by an application policy.',
  bypassed_by_policy: 'Allowed without a login by an application policy.',
  allowed_by_rule: 'Allowed by a network rule.',
  allowed_by_default: 'Allowed by the default for public destinations.',
  no_application:
    'Nothing that admits you covers this destination, or there is no such destination. Ask your administrator for access.',
  no_policy_matched: 'No policy of this application admits you. Ask your administrator for access.',
  denied_by_policy: 'A policy of this application denies you.',
  login_insufficient: 'This application asks for a stronger login. Run "zt login".',
  posture_failed: 'A check of this device did not pass, or is out of date. Run "zt status".',
  justification_required:
    'This application asks what you need it for. Open the page you were shown.',
  approval_required: 'Somebody must approve this access first.',
  protection_required:
    'This destination may be reached only as an application, and none covers it.',
  blocked_by_rule: 'A network rule blocks this destination.',
  blocked_by_default: 'Public destinations are blocked by default.',
  address_forbidden:
    'The destination resolves to an address that is never reachable through the gateway.',
  address_not_permitted: 'The address behind this name is not permitted for you.',
  protocol_mismatch: 'The destination speaks another protocol than the application declares.',
  quic_blocked:
    'This application is used over TCP, not over QUIC; browsers turn to TCP by themselves.',
  device_unknown: 'This device is not enrolled. Run "zt enroll".',
  device_revoked: 'This device was revoked. Ask your administrator, then run "zt enroll".',
  device_expired: 'The device certificate has expired. Run "zt status".',
  user_disabled: 'Your account is disabled. Ask your administrator.',
  service_token_disabled: 'The service token of this device is disabled. Ask your administrator.',
  service_token_expired: 'The service token of this device has expired. Have it rotated.',
  session_expired: 'Your login has expired. Run "zt login".',
  session_revoked: 'Your session was ended by an administrator. Run "zt login".',
  recording_unavailable: 'The session must be recorded, and the gateway cannot record it now.',
  bad_destination: 'The destination is not a valid host and port.',
  name_not_found: 'The gateway cannot resolve this name.',
  too_many_lookups:
    'Too many names of this device or of this zone are being resolved already. Try again in a moment.',
  target_unreachable: 'The destination refused the connection or is unreachable from the gateway.',
  target_timeout: 'The destination did not answer in time.',
  icmp_unavailable: 'The gateway cannot ping. Its log says why.',
  gateway_draining: 'The gateway is restarting. Try again.',
  too_many_flows: 'This device has too many open flows.',
  policy_changed: 'The rules for this destination changed. Connect again.',
  hold_full:
    'Too many connections of this device wait for you already. Finish what "zt prompts" lists, then connect again.',
  too_many_requests:
    'This needs an approval, and too many of your requests wait for one already. Have some decided, then connect again.',
  prompt_expired:
    'This connection waited for you in the browser, and the time is over. Run "zt login", then connect again.',
  approval_denied: 'Those who were asked did not approve this access.',
  allowed_by_dns_rule: 'A DNS rule lets you ask for this name.',
  blocked_by_dns_rule: 'A DNS rule blocks this name. Ask your administrator.',
  overridden_by_dns_rule: 'A DNS rule gives this name an answer of its own.',
  name_within_reach: 'Something at this name is open to you.',
  name_not_permitted: 'Nothing at this name is open to you.',
  name_not_private: 'The gateway answers for private names only.',
}
