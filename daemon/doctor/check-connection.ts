/**
 * Checks of the daemon, its tunnel and its certificate. Pure.
 */
import { defineCheck, fine, notChecked, problem, warning } from './check.ts'
import type { DoctorFacts } from './facts.ts'

/** Longer silence means that the tunnel carries nothing; as in `zt status`. */
const SILENCE_LIMIT_MS = 10_000

export const DAEMON = defineCheck({
  name: 'daemon',
  looksAt: 'whether a daemon answers at the control socket',
  codes: {
    daemon_running: fine('The daemon answers.'),
    daemon_not_running: problem(
      'No daemon answers at the control socket; what follows was looked at with your own rights.',
      'Start it: "systemctl start zt" where it is a service, "zt-daemon run" elsewhere; or name its socket with --control.',
    ),
  },
  judge: ({ status }) =>
    status === undefined
      ? [['daemon_not_running']]
      : [['daemon_running', `version ${status.version}`]],
})

export const TUNNEL = defineCheck({
  name: 'tunnel',
  looksAt: 'the state of the tunnel, and when data last came through it',
  codes: {
    tunnel_carries_data: fine('The tunnel is up and the gateway was heard within 10 s.'),
    tunnel_silent: problem(
      'The tunnel counts as connected, and nothing came through it for more than 10 s.',
      'Wait half a minute; if it stays, run "zt down" and "zt up" and report it with "zt doctor --bundle".',
    ),
    tunnel_connecting: warning('The tunnel is being set up.', 'Run "zt doctor" again in 10 s.'),
    tunnel_down: warning('The tunnel was taken down on this machine.', 'Run "zt up".'),
    tunnel_unreachable: problem(
      'The gateway cannot be reached; what is behind it is refused until it can.',
      'See the findings on gateway, captive_portal, upstream_proxy and clock; the daemon keeps trying.',
    ),
    not_enrolled: problem('This device is not enrolled.', 'Run "zt enroll URL".'),
    device_revoked: problem(
      'An administrator revoked this device.',
      'Ask your administrator; then "zt logout" and "zt enroll URL".',
    ),
    certificate_expired: problem(
      'The gateway no longer takes the certificate of this device.',
      'Run "zt login"; the clock check says whether the clock is to blame.',
    ),
    tunnel_unknown: notChecked('Only the daemon knows the state of its tunnel.'),
  },
  judge: (facts) => [judgeTunnel(facts)],
})

function judgeTunnel({ status, nowMs }: DoctorFacts) {
  if (status === undefined) return ['tunnel_unknown'] as const
  const { state, reason, lastHeardAt } = status
  switch (state) {
    case 'connected':
      return heard(nowMs, lastHeardAt)
    case 'connecting':
      return ['tunnel_connecting', reason] as const
    case 'down':
      return ['tunnel_down'] as const
    case 'unreachable':
      return ['tunnel_unreachable', reason] as const
    case 'revoked':
      return ['device_revoked'] as const
    case 'not_enrolled':
    case 'certificate_expired':
      return [state] as const
  }
}

function heard(nowMs: number, lastHeardAt: string | undefined) {
  const agoMs = nowMs - (lastHeardAt === undefined ? 0 : Date.parse(lastHeardAt))
  if (agoMs > SILENCE_LIMIT_MS) return ['tunnel_silent'] as const
  return ['tunnel_carries_data', `heard ${(Math.max(0, agoMs) / 1000).toFixed(1)} s ago`] as const
}

export const CERTIFICATE = defineCheck({
  name: 'certificate',
  looksAt: 'the time that the device certificate is valid',
  codes: {
    certificate_valid: fine('The device certificate is valid.'),
    certificate_not_renewed: warning(
      'The device certificate is in the last quarter of its time and was not renewed, which is due at half.',
      'The gateway has to be reached for it; see the other findings. "zt login" renews it, too.',
    ),
    certificate_not_valid_yet: problem(
      'The device certificate is not valid yet by the clock of this machine.',
      'Set the clock.',
    ),
    certificate_past_end: problem('The device certificate has expired.', 'Run "zt login".'),
    certificate_unknown: notChecked(
      'There is no registration, or it is not yours to read.',
      'Run "zt doctor" while the daemon runs.',
    ),
  },
  judge: ({ certificate, nowMs }) => {
    if (certificate === undefined) return [['certificate_unknown']]
    const { notBeforeMs, notAfterMs } = certificate
    const until = `until ${new Date(notAfterMs).toISOString()}`
    if (nowMs < notBeforeMs) return [['certificate_not_valid_yet', until]]
    if (nowMs >= notAfterMs) return [['certificate_past_end', until]]
    const isLate = nowMs > notAfterMs - (notAfterMs - notBeforeMs) / 4
    return [[isLate ? 'certificate_not_renewed' : 'certificate_valid', until]]
  },
})
