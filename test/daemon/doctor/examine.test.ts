import test from 'ava'
import type { DaemonStatus, TransparentStatus } from '#lib/api/control-api'
import { type Prefix, parsePrefix } from '#lib/net/prefix'
import { hasNetAdmin } from '../../../daemon/doctor/capabilities.ts'
import { CHECKS, examine } from '../../../daemon/doctor/examine.ts'
import type { DoctorFacts } from '../../../daemon/doctor/facts.ts'
import {
  clockBounds,
  type GatewayAnswers,
  type LoginAnswer,
} from '../../../daemon/doctor/gateway-answers.ts'
import type { MachineFacts } from '../../../daemon/doctor/machine-facts.ts'
import { parseRouteMtu } from '../../../daemon/doctor/route-mtu.ts'

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}

const NOW_MS = Date.parse('2026-11-21T12:00:00Z')
const HOUR_MS = 3_600_000

const STATUS: DaemonStatus = {
  version: '1',
  state: 'connected',
  lastHeardAt: new Date(NOW_MS - 1000).toISOString(),
  connections: 2,
  openFlows: 0,
  proxy: { host: '127.0.0.1', port: 1080, pacUrl: 'http://127.0.0.1:1080/proxy.pac' },
  refusedOtherUsers: 0,
  domains: [],
  prefixes: [],
  sshHostAuthorities: [],
  posture: [],
  prompts: [],
}
const LOGIN: Extract<LoginAnswer, { kind: 'answered' }> = {
  kind: 'answered',
  status: 200,
  isKnown: true,
  clock: { dateMs: NOW_MS, sentAtMs: NOW_MS + 100, heardAtMs: NOW_MS + 200 },
}
const GATEWAY: GatewayAnswers = {
  tunnel: { kind: 'trusted' },
  login: LOGIN,
  large: 'answered',
  mtu: { link: 'eth0', bytes: 1500 },
}
type Resolver = NonNullable<TransparentStatus['resolver']>
const NO_QUESTIONS: Resolver = { addresses: [], queries: 0, ours: 0, forwarded: 0, refused: {} }
const HEALTHY_MACHINE: MachineFacts = {
  ...{ links: [], routes: [], ownSubnets: [], nft: 'usable', dropsInput: false },
  ...{ resolvConf: 'nameserver 127.0.0.53\n', resolved: true },
}
const HEALTHY: DoctorFacts = {
  mode: 'transparent',
  nowMs: NOW_MS,
  status: {
    ...STATUS,
    transparent: { state: 'on', resolver: { ...NO_QUESTIONS, mode: 'resolved' } },
  },
  certificate: { notBeforeMs: NOW_MS - HOUR_MS, notAfterMs: NOW_MS + 23 * HOUR_MS },
  gateway: GATEWAY,
  interception: {
    koffi: true,
    tunDevice: 'usable',
    tunOpenToUsers: true,
    netAdmin: true,
    namespaces: { largestCount: 1000 },
    missingPrograms: [],
  },
  machine: HEALTHY_MACHINE,
  prefixes: [prefix('10.0.0.0/8')],
  synthetic: [prefix('100.80.0.0/16')],
}

const gateway = (change: Partial<GatewayAnswers>) => ({ gateway: { ...GATEWAY, ...change } })
const status = (change: Partial<DaemonStatus>) => ({ status: { ...STATUS, ...change } })
const login = (change: Partial<typeof LOGIN>) => gateway({ login: { ...LOGIN, ...change } })
const transparent = (change: Partial<TransparentStatus>) =>
  status({ transparent: { state: 'on', ...change } })
const names = (change: Partial<Resolver>) =>
  status({ transparent: { state: 'on', resolver: { ...NO_QUESTIONS, ...change } } })
const OURS =
  '# Written by zt-daemon for 100.80.0.53; the file before it is /etc/resolv.conf.before-zt\nnameserver 100.80.0.53\n'
const failed = (reason: string) => gateway({ tunnel: { kind: 'failed', reason } })
const clock = (aheadMs: number) => ({
  clock: { dateMs: NOW_MS + aheadMs, sentAtMs: NOW_MS, heardAtMs: NOW_MS },
})
const interception = (change: Partial<DoctorFacts['interception']>) => ({
  interception: { ...HEALTHY.interception, ...change },
})
const machine = (change: Partial<MachineFacts>): Partial<DoctorFacts> => ({
  machine: { ...HEALTHY_MACHINE, ...change },
})
const route = (text: string, device: string) => ({
  ...({ family: 4, type: 'unicast', to: prefix(text), table: 'main', device } as const),
})
const without = (...names: (keyof DoctorFacts)[]): Partial<DoctorFacts> =>
  Object.fromEntries(names.map((name) => [name, undefined]))

type Case = readonly [change: Partial<DoctorFacts>, check: string, code: string, verdict: string]
const CASES: Readonly<Record<string, Case>> = {
  'no daemon': [without('status'), 'daemon', 'daemon_not_running', 'problem'],
  'no daemon: its tunnel is not guessed at': [
    without('status'),
    'tunnel',
    'tunnel_unknown',
    'not_checked',
  ],
  'connected, and silent for 11 s': [
    status({ lastHeardAt: new Date(NOW_MS - 11_000).toISOString() }),
    'tunnel',
    'tunnel_silent',
    'problem',
  ],
  connecting: [status({ state: 'connecting' }), 'tunnel', 'tunnel_connecting', 'warning'],
  down: [status({ state: 'down' }), 'tunnel', 'tunnel_down', 'warning'],
  unreachable: [
    status({ state: 'unreachable', reason: 'name_not_found' }),
    'tunnel',
    'tunnel_unreachable',
    'problem',
  ],
  revoked: [status({ state: 'revoked' }), 'tunnel', 'device_revoked', 'problem'],
  'not enrolled': [status({ state: 'not_enrolled' }), 'tunnel', 'not_enrolled', 'problem'],
  'refused certificate': [
    status({ state: 'certificate_expired' }),
    'tunnel',
    'certificate_expired',
    'problem',
  ],
  'a certificate past its end': [
    { certificate: { notBeforeMs: 0, notAfterMs: NOW_MS } },
    'certificate',
    'certificate_past_end',
    'problem',
  ],
  'a certificate of tomorrow': [
    { certificate: { notBeforeMs: NOW_MS + 1, notAfterMs: NOW_MS + HOUR_MS } },
    'certificate',
    'certificate_not_valid_yet',
    'problem',
  ],
  'a certificate in its last quarter': [
    { certificate: { notBeforeMs: NOW_MS - 4 * HOUR_MS, notAfterMs: NOW_MS + HOUR_MS } },
    'certificate',
    'certificate_not_renewed',
    'warning',
  ],
  'no registration': [
    without('certificate', 'gateway'),
    'certificate',
    'certificate_unknown',
    'not_checked',
  ],
  'no gateway to ask': [
    without('gateway'),
    'captive_portal',
    'portal_gateway_unknown',
    'not_checked',
  ],
  'a gateway that is away': [
    failed('connection_refused'),
    'gateway',
    'gateway_not_reached',
    'problem',
  ],
  'a stranger at the tunnel port': [
    failed('gateway_not_trusted'),
    'gateway',
    'gateway_not_trusted',
    'problem',
  ],
  'a certificate of the gateway out of its time': [
    failed('gateway_certificate_not_valid_now'),
    'gateway',
    'gateway_certificate_not_valid_now',
    'problem',
  ],
  'a clock 31 s behind': [login(clock(32_000)), 'clock', 'clock_drifts', 'warning'],
  'a clock 31 s ahead': [login(clock(-32_000)), 'clock', 'clock_drifts', 'warning'],
  'a clock 29 s ahead': [login(clock(-29_000)), 'clock', 'clock_right', 'ok'],
  'a clock a day ahead': [login(clock(-24 * HOUR_MS)), 'clock', 'clock_wrong', 'problem'],
  'a clock so wrong that certificates are out of time': [
    login({ ...clock(24 * HOUR_MS), untrusted: 'CERT_NOT_YET_VALID' }),
    'clock',
    'clock_wrong',
    'problem',
  ],
  'the clock of a stranger counts for nothing': [
    login({ ...clock(24 * HOUR_MS), untrusted: 'SELF_SIGNED_CERT_IN_CHAIN' }),
    'clock',
    'clock_unknown',
    'not_checked',
  ],
  'somebody who opens TLS': [
    login({ untrusted: 'SELF_SIGNED_CERT_IN_CHAIN', isKnown: false }),
    'captive_portal',
    'portal_suspected',
    'problem',
  ],
  'somebody at port 80 while TLS is silent': [
    gateway({
      login: { kind: 'failed', reason: 'connect_timeout' },
      plain: { status: 302, redirectHost: 'portal.hotel' },
    }),
    'captive_portal',
    'portal_suspected',
    'problem',
  ],
  'nobody at all': [
    gateway({ login: { kind: 'failed', reason: 'connect_timeout' } }),
    'captive_portal',
    'portal_unknown',
    'not_checked',
  ],
  'another CA than the pinned one, vouched for': [
    login({ isKnown: false }),
    'captive_portal',
    'login_answers_otherwise',
    'warning',
  ],
  'a proxy that works': [
    gateway({ upstream: 'http://proxy:3128' }),
    'upstream_proxy',
    'upstream_proxy_works',
    'ok',
  ],
  'a proxy that is silent': [
    { gateway: { ...failed('connect_timeout').gateway, upstream: 'http://proxy:3128' } },
    'upstream_proxy',
    'upstream_unreachable',
    'problem',
  ],
  ...Object.fromEntries(
    [
      'upstream_unreachable',
      'upstream_asks_password',
      'upstream_refused',
      'upstream_is_self',
      'bad_proxy_url',
    ].map((reason): [string, Case] => [
      `a proxy: ${reason}`,
      [
        { gateway: { ...failed(reason).gateway, upstream: 'http://proxy:3128' } },
        'upstream_proxy',
        reason,
        'problem',
      ],
    ]),
  ),
  'large packets that vanish': [gateway({ large: 'silent' }), 'mtu', 'mtu_black_hole', 'problem'],
  'a handshake that does not end': [failed('handshake_timeout'), 'mtu', 'mtu_suspected', 'warning'],
  'a link below what IPv6 asks for': [
    gateway({ mtu: { link: 'ppp0', bytes: 1279 } }),
    'mtu',
    'mtu_small',
    'warning',
  ],
  'a LAN inside a pushed prefix': [
    machine({ ownSubnets: [route('10.1.0.0/24', 'wlan0')] }),
    'lan_overlap',
    'lan_overlaps',
    'warning',
  ],
  'a WireGuard link by its kind': [
    machine({ links: [{ name: 'office', kind: 'wireguard' }] }),
    'other_vpn',
    'other_vpn_beside',
    'warning',
  ],
  'a VPN with half of the default route': [
    machine({
      links: [{ name: 'tun0', kind: 'tun' }],
      routes: [route('128.0.0.0/1', 'tun0')],
    }),
    'other_vpn',
    'other_vpn_takes_all',
    'warning',
  ],
  'a route of Tailscale over the synthetic range': [
    machine({ routes: [route('100.64.0.0/10', 'tailscale0')] }),
    'synthetic_range',
    'synthetic_range_taken',
    'problem',
  ],
  Docker: [
    machine({ links: [{ name: 'docker0', kind: 'bridge' }] }),
    'containers',
    'containers_beside',
    'ok',
  ],
  'no nft': [machine({ nft: 'absent' }), 'nft', 'nft_absent', 'warning'],
  'nft without rights': [machine({ nft: 'not_permitted' }), 'nft', 'nft_not_permitted', 'warning'],
  'an nft that refuses': [transparent({ mode: 'tun-nat' }), 'nft', 'nft_refused', 'warning'],
  'a filter that drops what the daemon needs': [
    { ...machine({ dropsInput: true }), ...transparent({ mode: 'tun-nat', detail: 'allow it' }) },
    'firewall',
    'firewall_drops',
    'problem',
  ],
  'a filter that drops': [
    machine({ dropsInput: true }),
    'firewall',
    'firewall_beside_redirect',
    'ok',
  ],
  'a resolv.conf past systemd-resolved': [
    machine({ resolvConf: 'nameserver 8.8.8.8\n' }),
    'resolver',
    'resolved_unused',
    'warning',
  ],
  'a resolv.conf of ours': [machine({ resolvConf: OURS }), 'resolver', 'resolver_is_zt', 'ok'],
  'a resolv.conf of ours, and no daemon': [
    { ...without('status'), ...machine({ resolvConf: OURS }) },
    'resolver',
    'resolver_left_behind',
    'problem',
  ],
  'a resolv.conf that NetworkManager wrote': [
    machine({ resolvConf: '# NetworkManager\nnameserver 192.0.2.1\n', resolved: false }),
    'resolver',
    'resolver_is_resolv_conf',
    'ok',
  ],
  'names by systemd-resolved': [
    names({ mode: 'resolved' }),
    'private_names',
    'names_by_resolved',
    'ok',
  ],
  'names by port 53': [names({ mode: 'port53' }), 'private_names', 'names_by_port53', 'ok'],
  'names without the polkit rule': [
    names({ mode: 'port53', reason: 'resolved_not_permitted' }),
    'private_names',
    'names_without_polkit',
    'warning',
  ],
  'names but for the own user of the daemon': [
    names({ mode: 'port53', reason: 'own_user_left_out', detail: 'uid 0' }),
    'private_names',
    'names_without_own_user',
    'warning',
  ],
  'names by resolv.conf': [
    names({ mode: 'resolv_conf', reason: 'nft_absent' }),
    'private_names',
    'names_by_resolv_conf',
    'ok',
  ],
  'names as the settings say': [names({ mode: 'off' }), 'private_names', 'names_off', 'ok'],
  'a resolv.conf that others rewrite, or that is read-only': [
    names({ reason: 'resolv_conf_contested', detail: 'dhclient rewrote it' }),
    'private_names',
    'names_missing',
    'problem',
  ],
  'names of a daemon that takes no traffic': [
    status({ transparent: { state: 'off' } }),
    'private_names',
    'names_unknown',
    'not_checked',
  ],
  'a resolv.conf without a server': [
    machine({ resolvConf: '#nameserver 1.1.1.1' }),
    'resolver',
    'resolver_none',
    'problem',
  ],
  'no program ip': [without('machine'), 'lan_overlap', 'lan_unknown', 'not_checked'],
  'no koffi': [interception({ koffi: false }), 'tun', 'koffi_absent', 'problem'],
  'no koffi in proxy mode': [
    { mode: 'proxy', ...interception({ koffi: false }) },
    'tun',
    'koffi_absent',
    'warning',
  ],
  'no TUN device': [interception({ tunDevice: 'absent' }), 'tun', 'tun_absent', 'problem'],
  'a TUN device for others': [
    interception({ tunDevice: 'not_permitted' }),
    'tun',
    'tun_not_permitted',
    'problem',
  ],
  'no capability': [interception({ netAdmin: false }), 'tun', 'net_admin_missing', 'problem'],
  'user namespaces off, Debian': [
    interception({ namespaces: { unprivilegedClone: 0 } }),
    'user_namespaces',
    'user_namespaces_off',
    'warning',
  ],
  'user namespaces off, count': [
    interception({ namespaces: { largestCount: 0 } }),
    'user_namespaces',
    'user_namespaces_off',
    'warning',
  ],
  'user namespaces for profiles only': [
    interception({ namespaces: { apparmorRestricts: 1 } }),
    'user_namespaces',
    'user_namespaces_restricted',
    'warning',
  ],
  'a TUN device that users may not open': [
    interception({ tunOpenToUsers: false }),
    'user_namespaces',
    'tun_closed_to_users',
    'warning',
  ],
  'no programs for zt run': [
    interception({ missingPrograms: ['setpriv'] }),
    'user_namespaces',
    'run_programs_absent',
    'warning',
  ],
}

test('T106: a machine where all holds gets "ok" from every check, in the order of the table', (t) => {
  const findings = examine({
    ...HEALTHY,
    ...gateway({ login: { ...LOGIN, ...clock(0) } }),
  })
  t.deepEqual(
    findings.map(({ check }) => check),
    CHECKS.map(({ name }) => name),
  )
  t.deepEqual(
    findings.filter(({ verdict }) => verdict !== 'ok'),
    [],
  )
})

for (const [title, [change, check, code, verdict]] of Object.entries(CASES)) {
  test(`T106: ${title}: ${code}`, (t) => {
    const found = examine({ ...HEALTHY, ...change }).filter((one) => one.check === check)
    t.deepEqual(
      found.map((one) => [one.code, one.verdict]),
      [[code, verdict]],
    )
  })
}

test('T106: whatever is wrong has a remedy, and codes are used once', (t) => {
  const codes = CHECKS.flatMap(({ meanings }) => Object.entries(meanings))
  for (const [code, { verdict, remedy }] of codes) {
    t.regex(code, /^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$/)
    if (verdict === 'warning' || verdict === 'problem') t.truthy(remedy, code)
  }
  t.is(new Set(codes.map(([code]) => code)).size, codes.length)
})

test('bounds of a clock hold the truth, however long the exchange took', (t) => {
  for (const trueAheadMs of [-5000, 0, 1, 999, 70_000]) {
    for (const [tripMs, saidAfterMs] of [
      [0, 0],
      [4000, 1],
      [4000, 3999],
    ] as const) {
      const server = NOW_MS + 123 + saidAfterMs + trueAheadMs
      const dateMs = Math.floor(server / 1000) * 1000
      const sample = { dateMs, sentAtMs: NOW_MS + 123, heardAtMs: NOW_MS + 123 + tripMs }
      const { fromMs, toMs } = clockBounds(sample)
      t.true(fromMs <= trueAheadMs && trueAheadMs <= toMs)
    }
  }
})

test('capabilities and routes as the kernel prints them', (t) => {
  t.true(hasNetAdmin('CapPrm:\t0\nCapEff:\t0000000000001000\n'))
  t.false(hasNetAdmin('CapEff:\t0000000000000fff\n'))
  t.false(hasNetAdmin(''))
  const route =
    '10.0.0.1 via 10.1.0.1 dev eth0 src 10.1.0.2 uid 0 \\    cache expires 597sec mtu 1300 '
  t.deepEqual(parseRouteMtu(route), { link: 'eth0', bytes: 1300 })
  t.deepEqual(parseRouteMtu('10.0.0.1 dev wg0 src 1.2.3.4 uid 0 \\    cache mtu lock 576'), {
    link: 'wg0',
    bytes: 576,
  })
  t.deepEqual(parseRouteMtu('local 127.0.0.1 dev lo table local src 127.0.0.1'), { link: 'lo' })
  t.is(parseRouteMtu('RTNETLINK answers: Network is unreachable'), undefined)
})
