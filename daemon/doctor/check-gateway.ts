/**
 * Checks of the way to the gateway: its listeners, the clock, captive portals, the proxy in between, packet sizes. Pure.
 */
import { defineCheck, fine, notChecked, problem, warning } from './check.ts'
import type { DoctorFacts } from './facts.ts'
import {
  clockBounds,
  type GatewayAnswers,
  isGatewayItself,
  type Stranger,
  strangerIn,
} from './gateway-answers.ts'

const NO_GATEWAY = notChecked(
  'No gateway is known: the device is not enrolled, or its registration is not yours to read.',
  'Run "zt doctor" while the daemon runs.',
)

export const GATEWAY = defineCheck({
  name: 'gateway',
  looksAt:
    "a TLS handshake with the gateway's tunnel listener, under the CA that this device pinned",
  codes: {
    gateway_reached: fine('The gateway answers, and the pinned CA vouches for it.'),
    gateway_not_trusted: problem(
      'Something answers in the place of the gateway, and the pinned CA does not vouch for it.',
      'A program or network that opens TLS stands in between: exempt the gateway there. The tunnel never goes through it.',
    ),
    gateway_certificate_not_valid_now: problem(
      'The certificate of the gateway is not valid at the time that this clock says.',
      'See the finding on the clock; if the clock is right, tell your administrator.',
    ),
    gateway_not_reached: problem(
      'The gateway cannot be reached.',
      'Look whether the Internet is reached at all, and whether a firewall stops this destination.',
    ),
    gateway_unknown: NO_GATEWAY,
  },
  judge: ({ gateway }) => {
    if (gateway === undefined) return [['gateway_unknown']]
    const { tunnel } = gateway
    if (tunnel.kind === 'trusted') return [['gateway_reached']]
    switch (tunnel.reason) {
      case 'gateway_not_trusted':
      case 'gateway_certificate_not_valid_now':
        return [[tunnel.reason]]
      default:
        return [['gateway_not_reached', tunnel.reason]]
    }
  },
})

/** Certificates, tickets and codes are made for clocks that are less than this apart. */
const CLOCK_LIMIT_MS = 5 * 60_000
const CLOCK_DRIFT_MS = 30_000

export const CLOCK = defineCheck({
  name: 'clock',
  looksAt: "this clock beside the gateway's, with the bounds that one exchange gives",
  codes: {
    clock_right: fine('The clock agrees with that of the gateway.'),
    clock_drifts: warning(
      'The clock differs from that of the gateway by more than 30 s.',
      'Switch on time synchronisation: "timedatectl set-ntp true".',
    ),
    clock_wrong: problem(
      'The clock differs from that of the gateway by more than 5 minutes: certificates count as expired, or not valid yet.',
      'Set the clock: "timedatectl set-ntp true".',
    ),
    clock_unknown: notChecked('The gateway said no time, or nobody vouches for who answered.'),
  },
  judge: ({ gateway }) => {
    const login = gateway?.login
    if (login?.kind !== 'answered' || login.clock === undefined || !isGatewayItself(login)) {
      return [['clock_unknown']]
    }
    const { fromMs, toMs } = clockBounds(login.clock)
    const leastMs = fromMs > 0 ? fromMs : Math.max(0, -toMs)
    const detail = `the gateway is between ${seconds(fromMs)} and ${seconds(toMs)} ahead`
    if (leastMs > CLOCK_LIMIT_MS) return [['clock_wrong', detail]]
    return [[leastMs > CLOCK_DRIFT_MS ? 'clock_drifts' : 'clock_right', detail]]
  },
})

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

export const CAPTIVE_PORTAL = defineCheck({
  name: 'captive_portal',
  looksAt:
    "whether the gateway's login origin gives the answer that this device knows, or somebody else answers",
  codes: {
    no_portal: fine('The login origin answers what it should.'),
    login_answers_otherwise: warning(
      'The login origin is vouched for, and gives another answer than it should.',
      'The gateway was set up anew, or is overloaded: try again, then ask your administrator.',
    ),
    portal_suspected: problem(
      'Somebody else answers in the place of the gateway: a captive portal, or a program that opens TLS.',
      'Open any plain http:// page in a browser and do what the network asks for; if it does not come, "zt status" says whether "zt portal open" helps.',
    ),
    portal_unknown: notChecked('Nothing answers, neither over TLS nor over plain HTTP.'),
    portal_gateway_unknown: NO_GATEWAY,
  },
  judge: (facts) => [judgePortal(facts)],
})

function judgePortal({ gateway }: DoctorFacts) {
  if (gateway === undefined) return ['portal_gateway_unknown'] as const
  const { login } = gateway
  const stranger = strangerIn(gateway)
  if (stranger !== undefined) return ['portal_suspected', printStranger(stranger)] as const
  if (login.kind === 'failed') return ['portal_unknown', login.reason] as const
  return login.isKnown
    ? (['no_portal'] as const)
    : (['login_answers_otherwise', `status ${login.status}`] as const)
}

function printStranger({ status, redirectHost, untrusted }: Stranger): string {
  const to = redirectHost === undefined ? '' : `, sends to ${redirectHost}`
  return `status ${status}${to}${untrusted === undefined ? '' : `, ${untrusted}`}`
}

export const UPSTREAM_PROXY = defineCheck({
  name: 'upstream_proxy',
  looksAt: 'the proxy between this machine and the gateway, where one is set',
  codes: {
    no_upstream_proxy: fine('No proxy is set: the gateway is dialled directly.'),
    upstream_proxy_works: fine('The gateway answers through the proxy.'),
    upstream_unreachable: problem(
      'The proxy that is set cannot be reached.',
      'Correct upstream_proxy, or https_proxy in the environment of the daemon.',
    ),
    upstream_asks_password: problem(
      'The proxy asks for a user and a password, or does not take those it got.',
      'Put them into upstream_proxy in the configuration file of the daemon, never on its command line.',
    ),
    upstream_refused: problem(
      'The proxy refuses to connect to the gateway.',
      'Ask whoever runs the proxy to allow CONNECT to the gateway.',
    ),
    upstream_is_self: problem(
      'The proxy that is set is this daemon itself: the tunnel would wait for itself.',
      'Take the proxy port of zt out of upstream_proxy, or out of https_proxy in the environment of the daemon.',
    ),
    bad_proxy_url: problem(
      'What is set is no URL of a proxy.',
      'Write socks5://, socks4a://, http:// or https://HOST:PORT.',
    ),
    upstream_proxy_unknown: NO_GATEWAY,
  },
  judge: ({ gateway }) => [
    gateway === undefined ? ['upstream_proxy_unknown'] : judgeProxy(gateway),
  ],
})

function judgeProxy({ upstream, tunnel }: GatewayAnswers) {
  if (upstream === undefined) return ['no_upstream_proxy'] as const
  const reason = tunnel.kind === 'failed' ? tunnel.reason : undefined
  switch (reason) {
    case 'upstream_unreachable':
    case 'upstream_asks_password':
    case 'upstream_refused':
    case 'upstream_is_self':
    case 'bad_proxy_url':
      return [reason, upstream] as const
    case 'connect_timeout':
      return ['upstream_unreachable', `${upstream}, no answer in time`] as const
    default:
      return ['upstream_proxy_works', upstream] as const
  }
}

/** Least MTU that IPv6 allows a link (RFC 8200 section 5). */
const LEAST_MTU = 1280

export const MTU = defineCheck({
  name: 'mtu',
  looksAt: 'whether large packets reach the gateway, and what the kernel knows of their size',
  codes: {
    mtu_fits: fine('Packets of full size reach the gateway.'),
    mtu_small: warning(
      'The link to the gateway takes only packets below 1280 octets, less than IPv6 asks for.',
      'Raise the MTU of the link: "ip link set dev LINK mtu 1280" at least.',
    ),
    mtu_black_hole: problem(
      'The gateway answers a small question, and not the same question in large packets: they are lost on the way, unsaid.',
      'Lower the MTU of the link ("ip link set dev LINK mtu 1280"), or have the network let "fragmentation needed" pass.',
    ),
    mtu_suspected: warning(
      'The connection to the gateway stands, and the handshake, whose packets are large, does not end.',
      'Lower the MTU of the link for a try: "ip link set dev LINK mtu 1280".',
    ),
    mtu_unknown: notChecked('The gateway did not answer a small question.'),
  },
  judge: ({ gateway }) => {
    const { large, mtu } = gateway ?? {}
    const detail = mtu && `${mtu.bytes} octets on ${mtu.link}`
    if (large === 'silent') return [['mtu_black_hole', detail]]
    if (mtu !== undefined && mtu.bytes < LEAST_MTU) return [['mtu_small', detail]]
    if (gateway?.tunnel.kind === 'failed' && gateway.tunnel.reason === 'handshake_timeout') {
      return [['mtu_suspected', detail]]
    }
    return large === undefined ? [['mtu_unknown']] : [['mtu_fits', detail]]
  },
})
