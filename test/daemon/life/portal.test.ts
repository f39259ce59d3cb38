import test from 'ava'
import fc from 'fast-check'
import { parsePrefix } from '#lib/net/prefix'
import {
  judgePortal,
  leadsToPortal,
  type Portal,
  type PortalSurroundings,
  portalAddresses,
  possibleAddresses,
} from '../../../daemon/life/portal.ts'
import { compileRoutes } from '../../../daemon/route.ts'
import { address } from '../../support/dns.ts'

const SETTINGS = { domains: ['corp.internal'], prefixes: ['10.0.0.0/8', 'fd00:1::/48'] }
const routesWith = (others: 'direct' | 'refuse') =>
  compileRoutes({ ...SETTINGS, others }, { gateway: [], ownPorts: [7080], refuseOthers: false })
const SYNTHETIC = parsePrefix('100.80.0.0/16')
const surroundings: PortalSurroundings = {
  routeFor: routesWith('direct').routeFor,
  synthetic: SYNTHETIC.ok ? [SYNTHETIC.value] : [],
  isRebindingRefused: false,
  isForbidden: false,
  takesItself: false,
}
const REFUSING = { routeFor: routesWith('refuse').routeFor }

const table: Record<
  string,
  [
    Omit<Portal, 'port'> & { port?: number },
    Partial<PortalSurroundings>,
    ReturnType<typeof judgePortal>,
  ]
> = {
  'with an address of its own network': [
    { host: '192.168.1.1', addresses: ['192.168.1.1'] },
    {},
    { isBlocked: false },
  ],
  'inside a private prefix': [
    { host: 'p.hotel.example', addresses: ['10.9.9.9'] },
    {},
    { isBlocked: true },
  ],
  'inside a private prefix, over IPv6': [
    { host: 'fd00:1::9', addresses: ['fd00:1::9'] },
    {},
    { isBlocked: true },
  ],
  'where others are refused': [
    { host: 'p.hotel.example', addresses: ['198.51.100.7'] },
    REFUSING,
    { isBlocked: true },
  ],
  'with a public name that leads to a private address': [
    { host: 'p.hotel.example', addresses: ['192.168.1.1'] },
    { isRebindingRefused: true },
    { isBlocked: true },
  ],
  'with a public name that leads to a public address': [
    { host: 'p.hotel.example', addresses: ['198.51.100.7'] },
    { isRebindingRefused: true },
    { isBlocked: false },
  ],
  'with a name of the organisation': [
    { host: 'wiki.corp.internal', addresses: ['198.51.100.7'] },
    {},
    { isBlocked: true, obstacle: 'portal_is_ours' },
  ],
  'with an address that stands for a name': [
    { host: 'p.hotel.example', addresses: ['100.80.0.9'] },
    REFUSING,
    { isBlocked: true, obstacle: 'portal_is_ours' },
  ],
  'without an address': [
    { host: 'p.hotel.example', addresses: [] },
    REFUSING,
    { isBlocked: true, obstacle: 'portal_unreachable' },
  ],
  'at another port': [
    { host: '10.9.9.9', port: 8080, addresses: ['10.9.9.9'] },
    {},
    { isBlocked: true, obstacle: 'portal_port' },
  ],
  'where none is to be opened': [
    { host: '10.9.9.9', addresses: ['10.9.9.9'] },
    { isForbidden: true },
    { isBlocked: true, obstacle: 'portal_forbidden' },
  ],
  'where the daemon would take its own traffic': [
    { host: '10.9.9.9', addresses: ['10.9.9.9'] },
    { takesItself: true },
    { isBlocked: true, obstacle: 'daemon_is_user' },
  ],
}
for (const [title, [portal, change, judged]] of Object.entries(table)) {
  test(`D13: a portal ${title}`, (t) => {
    t.deepEqual(judgePortal({ port: 80, ...portal }, { ...surroundings, ...change }), judged)
  })
}

test('D13: only a host on the network can be a portal', (t) => {
  const never = ['127.0.0.1', '::1', '0.0.0.0', '169.254.169.254', 'fe80::1', '224.0.0.1']
  const texts = [...never, '64:ff9b::a00:1', '255.255.255.255', 'no address']
  t.deepEqual(possibleAddresses([...texts, '10.9.9.9', 'fd00:1::9']), ['10.9.9.9', 'fd00:1::9'])
})

const PORTAL: Portal = { host: 'p.hotel.example', port: 80, addresses: ['10.9.9.9', 'fd00:1::9'] }

test('D13: what is open is the portal on three ports, and nothing else', (t) => {
  const host = fc.oneof(
    fc.constantFrom(PORTAL.host, ...PORTAL.addresses, '10.9.9.8', 'fd00:1::8'),
    fc.domain(),
    fc.ipV4(),
    fc.ipV6(),
  )
  const port = fc.oneof(fc.constantFrom(53, 80, 443), fc.integer({ min: 0, max: 65535 }))
  fc.assert(
    fc.property(host, port, (to, at) => {
      const opened = portalAddresses(PORTAL, { host: to, port: at })
      const isOfPortal = to === PORTAL.host || PORTAL.addresses.includes(to)
      const isOpen = isOfPortal && [53, 80, 443].includes(at)
      return isOpen
        ? opened?.every((one) => PORTAL.addresses.includes(one)) === true && opened.length > 0
        : opened === undefined
    }),
  )
  t.deepEqual(portalAddresses(PORTAL, { host: PORTAL.host, port: 443 }), PORTAL.addresses)
  t.deepEqual(portalAddresses(PORTAL, { host: 'fd00:1::9', port: 53 }), ['fd00:1::9'])
})

test('D13 T104: the name of the portal may lead to its addresses, and no other to any', (t) => {
  t.true(leadsToPortal(PORTAL, PORTAL.host, address('10.9.9.9')))
  t.true(leadsToPortal(PORTAL, PORTAL.host, address('fd00:1::9')))
  t.false(leadsToPortal(PORTAL, PORTAL.host, address('10.9.9.8')))
  t.false(leadsToPortal(PORTAL, 'q.hotel.example', address('10.9.9.9')))
})
