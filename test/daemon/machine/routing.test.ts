import test from 'ava'
import fc from 'fast-check'
import { parseAddress } from '#lib/net/address'
import { formatPrefix, parsePrefix } from '#lib/net/prefix'
import { changes, NO_ROUTING } from '../../../daemon/machine/changes.ts'
import { routeLine, ruleLine } from '../../../daemon/machine/ip-batch.ts'
import type { Machine } from '../../../daemon/machine/machine.ts'
import { planRouting, type Routing, type Wanted } from '../../../daemon/machine/plan.ts'

const address = (text: string) => {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}
const prefix = (text: string) => {
  const parsed = parsePrefix(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}

const WANTED: Wanted = {
  tunName: 'zt0',
  tunAddresses: [address('100.80.0.1')],
  synthetic: [prefix('100.80.0.0/16')],
  prefixes: [prefix('10.0.0.0/8')],
  resolverAddresses: [address('100.80.0.53')],
  outside: [],
  uids: [{ first: 1000, last: 1999 }],
  lockdown: false,
}
const LAPTOP: Machine = {
  links: [
    { name: 'lo', kind: '', isUp: true, addresses: [{ address: address('127.0.0.1'), length: 8 }] },
    {
      name: 'wlan0',
      kind: '',
      isUp: true,
      addresses: [{ address: address('192.0.2.7'), length: 24 }],
    },
  ],
  routes: [
    {
      ...{ family: 4, type: 'unicast', to: prefix('0.0.0.0/0'), table: 'main' },
      ...{ via: address('192.0.2.1'), device: 'wlan0' },
    },
  ],
  rules: [],
}

function linesFor(wanted: Partial<Wanted>, machine: Machine = LAPTOP): readonly string[] {
  const planned = planRouting({ ...WANTED, ...wanted }, machine)
  if (!planned.ok) return [planned.error.reason]
  return changes(NO_ROUTING, planned.value).flatMap(({ lines }) => lines)
}

test('D2 D5: routes first, rules that look into them last; the general refusal of synthetic addresses before', (t) => {
  t.deepEqual(linesFor({}), [
    'route replace local 0.0.0.0/0 dev zt0 table 5255',
    'route replace unreachable 100.80.0.0/16 metric 4294967295 table 5254',
    'route replace 100.80.0.0/16 dev zt0 table 5254',
    'route replace 10.0.0.0/8 dev zt0 table 5254',
    'rule add pref 5251 oif zt0 lookup 5255',
    'rule add pref 5251 to 100.80.0.0/16 unreachable',
    'rule add pref 5250 iif lo uidrange 1000-1999 lookup 5254',
    'rule add pref 5250 from 100.80.0.1/32 iif lo uidrange 0-0 lookup 5254',
    'rule add pref 5250 to 100.80.0.53/32 iif lo lookup 5254',
  ])
})

test('D4 T103: gateway, routers, name servers and own subnets inside a private prefix stay outside', (t) => {
  const office: Machine = {
    ...LAPTOP,
    links: [
      {
        name: 'eth0',
        kind: '',
        isUp: true,
        addresses: [{ address: address('10.7.0.9'), length: 16 }],
      },
    ],
    routes: [
      {
        ...{ family: 4, type: 'unicast', to: prefix('0.0.0.0/0'), table: 'main' },
        ...{ via: address('10.7.0.1'), device: 'eth0' },
      },
    ],
  }
  const outside = [address('10.1.2.3'), address('203.0.113.9')]
  const throws = linesFor({ outside }, office).filter((line) => line.includes('throw'))
  t.deepEqual(throws, [
    'route replace throw 10.7.0.0/16 table 5254',
    'route replace throw 10.1.2.3/32 table 5254',
    'route replace throw 10.7.0.1/32 table 5254',
  ])
  const planned = planRouting(WANTED, office)
  t.deepEqual(
    planned.ok && planned.value.leftOut.map((one) => [formatPrefix(one.prefix), one.reason]),
    [['10.7.0.0/16', 'own_subnet']],
  )
})

test('D4: a prefix that is the own subnet, and one that is everything, are left out', (t) => {
  const lines = linesFor({ prefixes: [prefix('192.0.2.0/24'), prefix('0.0.0.0/0')] })
  t.true(lines.includes('route replace throw 192.0.2.0/24 table 5254'))
  t.false(lines.some((line) => /replace (0\.0\.0\.0\/0|192\.0\.2\.0\/24 dev)/.test(line)))
})

test('T109: in lockdown private prefixes are refused, not sent elsewhere, without the TUN', (t) => {
  const line = 'route replace unreachable 10.0.0.0/8 metric 4294967295 table 5254'
  t.true(linesFor({ lockdown: true }).includes(line))
  t.false(linesFor({ lockdown: false }).includes(line))
})

test('D4 T105: a range for names that others route is refused', (t) => {
  const route = { family: 4, type: 'unicast', table: '52', device: 'tailscale0' } as const
  for (const to of ['100.64.0.0/10', '100.80.1.1/32']) {
    const machine = { ...LAPTOP, routes: [{ ...route, to: prefix(to) }] }
    t.deepEqual(linesFor({}, machine), ['synthetic_taken'], to)
  }
})

const anyPrefix = fc.constantFrom('10.0.0.0/8', '10.1.0.0/16', '172.16.0.0/12', 'fd00:1::/48')
const anyOutside = fc.constantFrom('10.1.0.1', '172.16.3.4', '10.0.0.0', 'fd00:1::7')
const anyWanted = fc.record({
  prefixes: fc.array(anyPrefix.map(prefix), { maxLength: 4 }),
  outside: fc.array(anyOutside.map(address), { maxLength: 4 }),
  uids: fc.array(fc.constantFrom({ first: 1000, last: 1000 }, { first: 1001, last: 1999 })),
  lockdown: fc.boolean(),
})

/** The kernel in small: a place holds one line, `replace` takes it, and only what stands there can be removed. */
function applied(state: readonly string[], from: Routing, to: Routing): readonly string[] {
  const places = new Map(state.map((item) => [placeOf(item), item]))
  for (const { verb, lines } of changes(from, to)) {
    for (const line of lines) {
      const item = line.replace(/ (replace|add|del)/, '')
      if (verb === 'add') places.set(placeOf(item), item)
      else if (places.get(placeOf(item)) === item) places.delete(placeOf(item))
    }
  }
  return [...places.values()].toSorted()
}

function placeOf(item: string): string {
  return item.replace(/^route (throw |unreachable )?/, 'route ').replace(/ dev \S+/, '')
}

function stateOf({ routes, rules }: Routing): readonly string[] {
  const lines = [
    ...routes.map((one) => routeLine('add', one)),
    ...rules.map((one) => ruleLine('add', one)),
  ]
  return [...new Set(lines.map((line) => line.replace(/ (replace|add)/, '')))].toSorted()
}

test('D5: from any routing to any other the lines lead there, and to nothing back to nothing', (t) => {
  const planOf = (wanted: Partial<Wanted>): Routing => {
    const planned = planRouting({ ...WANTED, ...wanted }, LAPTOP)
    return planned.ok ? planned.value : NO_ROUTING
  }
  fc.assert(
    fc.property(anyWanted, anyWanted, (first, second) => {
      const [one, two] = [planOf(first), planOf(second)]
      const served = applied([], NO_ROUTING, one)
      t.deepEqual(served, stateOf(one))
      t.deepEqual(applied(served, one, two), stateOf(two))
      t.deepEqual(applied(applied(served, one, two), two, NO_ROUTING), [])
      t.deepEqual(changes(one, one), [])
    }),
  )
})
