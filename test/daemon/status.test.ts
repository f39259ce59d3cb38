import test from 'ava'
import { refusalOf, type StatusFacts, statusOf } from '../../daemon/status.ts'
import type { TunnelStatus } from '../../daemon/tunnel/tunnel.ts'

const NOW = 1_700_000_000_000
const at = (ms: number) => ({ wallMs: NOW + ms, steadyMs: 1e6 + ms })
const registered = {
  loginUrl: 'https://login.example.com',
  userEmail: 'a@example.com',
  deviceId: 'd',
  certificateNotAfterMs: NOW,
}
const connected: TunnelStatus = {
  state: 'connected',
  connections: 2,
  openFlows: 1,
  since: at(-60_000),
  lastHeard: at(-1000),
}
const facts: StatusFacts = {
  version: '1',
  now: at(0),
  registered,
  tunnel: connected,
  proxyPort: 7080,
  refusedOtherUsers: 0,
  sshHostAuthorities: [],
  posture: [],
  prompts: [],
}

const table: Record<string, [Partial<StatusFacts>, string, string | undefined]> = {
  'data that passed a second ago': [{}, 'connected', undefined],
  'a connection that was silent for 11 s': [
    { tunnel: { ...connected, lastHeard: at(-11_000) } },
    'unreachable',
    'gateway_silent',
  ],
  'a connection that never heard anything': [
    { tunnel: { state: 'connected', since: at(0), connections: 2, openFlows: 0 } },
    'unreachable',
    'gateway_silent',
  ],
  "the tunnel's own reason": [
    { tunnel: { ...connected, state: 'unreachable', reason: 'ping_timeout' } },
    'unreachable',
    'ping_timeout',
  ],
  'a portal in the place of the gateway': [
    {
      tunnel: { ...connected, state: 'unreachable', reason: 'connection_refused' },
      portal: { portal: { host: 'p', port: 80, addresses: ['10.0.0.1'] }, isBlocked: true },
    },
    'unreachable',
    'captive_portal',
  ],
  'why a lapsed certificate is not renewed': [
    { tunnel: { ...connected, state: 'certificate_expired' }, renewalReason: 'device_unknown' },
    'certificate_expired',
    'device_unknown',
  ],
}
for (const [title, [change, state, reason]] of Object.entries(table)) {
  test(`D8 T108 status: ${title} → ${state}`, (t) => {
    const status = statusOf({ ...facts, ...change })
    t.is(status.state as string, state)
    t.is(status.reason, reason)
  })
}

test('D8 status: a device without registration shows neither user nor gateway', (t) => {
  const { registered: _, tunnel: __, ...rest } = facts
  const status = statusOf(rest)
  t.is(status.state, 'not_enrolled')
  t.false('userEmail' in status || 'gatewayUrl' in status)
})

test('D13 status: a portal is reachable, blocked with what is in the way, or open for a time', (t) => {
  const portal = { host: 'p.hotel.example', port: 80, addresses: ['10.0.0.1'] }
  const shown = (change: Partial<StatusFacts['portal']>) =>
    statusOf({ ...facts, portal: { portal, isBlocked: true, ...change } }).portal
  const { host } = portal
  t.deepEqual(shown({ isBlocked: false }), { host, state: 'reachable' })
  t.deepEqual(shown({ obstacle: 'portal_forbidden' }), {
    ...{ host, state: 'blocked', obstacle: 'portal_forbidden' },
  })
  const openUntil = '2023-11-14T22:13:20.000Z'
  t.deepEqual(shown({ openUntilMs: NOW }), { host, state: 'open', openUntil })
})

test('D8 status: only a connected tunnel may be tried', (t) => {
  t.is(refusalOf({ state: 'connected' }), undefined)
  t.is(refusalOf({ state: 'connecting' }), 'gateway_unreachable')
  t.is(refusalOf({ state: 'unreachable' }), 'gateway_unreachable')
  t.is(refusalOf({ state: 'down' }), 'down')
  t.is(refusalOf({ state: 'revoked' }), 'device_revoked')
  t.is(refusalOf({ state: 'certificate_expired' }), 'certificate_expired')
  t.is(refusalOf({ state: 'not_enrolled' }), 'not_enrolled')
})
