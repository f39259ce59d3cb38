import test from 'ava'
import { compileRoutes } from '../../daemon/route.ts'

const settings = {
  domains: ['corp.internal', '*.dev.example', '.lab', 'bad name'],
  prefixes: ['10.0.0.0/8', 'fd00::/8', '169.254.0.0/16', '127.0.0.0/8', '0.0.0.0/0', '::/0', 'x/y'],
  others: 'direct' as const,
}
const local = {
  gateway: [
    { host: 'gw.corp.internal', port: 8443 },
    { host: '10.9.9.9', port: 8443 },
  ],
  ownPorts: [7080],
  refuseOthers: false,
}
const routes = compileRoutes(settings, local)

const table: Record<string, [string, number, string]> = {
  'a listed zone': ['corp.internal', 443, 'tunnel'],
  'a name below a zone': ['a.b.corp.internal', 443, 'tunnel'],
  'a zone written as a wildcard': ['x.dev.example', 80, 'tunnel'],
  'a zone written with a dot': ['host.lab', 80, 'tunnel'],
  'a name that only ends alike': ['evilcorp.internal', 443, 'direct'],
  'an address in a prefix': ['10.1.2.3', 22, 'tunnel'],
  'an IPv6 address in a prefix': ['fd00::1', 22, 'tunnel'],
  'an address outside': ['192.0.2.1', 22, 'direct'],
  'loopback that was pushed, on a port not ours': ['127.0.0.1', 8080, 'tunnel'],
  'link-local, though pushed (metadata)': ['169.254.169.254', 80, 'direct'],
  'IPv6 link-local': ['fe80::1', 80, 'direct'],
  'the gateway by name, though in a zone (T103)': ['gw.corp.internal', 8443, 'direct'],
  'the gateway by address (T103)': ['10.9.9.9', 8443, 'direct'],
  'another port of the gateway': ['gw.corp.internal', 22, 'tunnel'],
  'our own port': ['127.0.0.1', 7080, 'own_port'],
  'our own port by another loopback address': ['127.9.9.9', 7080, 'own_port'],
  'our own port by the unspecified address': ['0.0.0.0', 7080, 'own_port'],
  'our own port by IPv6': ['::1', 7080, 'own_port'],
  'our own port by a mapped address': ['::ffff:127.0.0.1', 7080, 'own_port'],
  'our own port by name': ['localhost', 7080, 'own_port'],
  'our own port by a name below localhost': ['x.localhost', 7080, 'own_port'],
}
for (const [title, [host, port, wanted]] of Object.entries(table)) {
  test(`D4 route: ${title} → ${wanted}`, (t) => {
    const route = routes.routeFor({ host, port })
    t.is((route.kind === 'refuse' ? route.reason : route.kind) as string, wanted)
  })
}

test('D4 route: others are refused when the gateway or the local setting says so', (t) => {
  const wanted = { kind: 'refuse', reason: 'others_refused' } as const
  const pushed = compileRoutes({ ...settings, others: 'refuse' }, local)
  t.deepEqual(pushed.routeFor({ host: 'example.com', port: 80 }), wanted)
  const own = compileRoutes(settings, { ...local, refuseOthers: true })
  t.deepEqual(own.routeFor({ host: 'example.com', port: 80 }), wanted)
})

test('D4 route: whole-Internet prefixes and names that are none are dropped', (t) => {
  t.deepEqual(routes.settings.domains, ['corp.internal', 'dev.example', 'lab'])
  t.false(routes.settings.prefixes.some((prefix) => prefix.endsWith('/0')))
})
