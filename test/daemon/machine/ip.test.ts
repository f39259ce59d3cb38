import test from 'ava'
import fc from 'fast-check'
import { batchFailures, routeLine, ruleLine } from '../../../daemon/machine/ip-batch.ts'
import { parseLinks, parseRoutes, parseRules } from '../../../daemon/machine/ip-json.ts'
import { isOurRoute, isOurRule } from '../../../daemon/machine/ours.ts'

/** Printed by iproute2 6.1.0. */
const RULES_V4 = `[{"priority":0,"src":"all","table":"local"},
{"priority":5250,"src":"all","iif":"lo","uid_start":1000,"uid_end":1999,"table":"5254"},
{"priority":5250,"src":"100.80.0.1","iif":"lo","uid_start":0,"uid_end":0,"table":"5254"},
{"priority":5250,"src":"all","dst":"100.80.0.53","iif":"lo","table":"5254"},
{"priority":5251,"src":"all","oif":"zt0","table":"5255"},
{"priority":5251,"src":"all","dst":"100.80.0.0","dstlen":16,"action":"unreachable"},
{"priority":5250,"src":"all","table":"52"},{"priority":5251,"src":"all","table":"5254"},
{"priority":32766,"src":"all","table":"main"}]`
const ROUTES_V4 = `[{"dst":"10.0.0.0/8","dev":"zt0","table":"5254","scope":"link","flags":["linkdown"]},
{"type":"throw","dst":"10.1.0.1","table":"5254","flags":[]},
{"type":"local","dst":"default","dev":"zt0","table":"5255","scope":"host","flags":[]},
{"type":"unreachable","dst":"100.80.0.0/16","table":"5254","metric":4294967295,"flags":[]},
{"dst":"default","gateway":"192.0.2.1","dev":"eth0","flags":[]},
{"type":"local","dst":"127.0.0.1","dev":"lo","table":"local","protocol":"kernel","flags":[]}]`
const ROUTES_V6 = `[{"type":"throw","dst":"fd00:1::1","dev":"lo","table":"5254","metric":1024,"flags":[],"pref":"medium"},
{"dst":"default","gateway":"fd00::1","dev":"eth0","metric":1024,"flags":[],"pref":"medium"}]`

test('D5: rules of ours are told from those of others, and read back as the lines that made them', (t) => {
  t.deepEqual(
    parseRules(RULES_V4, 4)
      .filter(isOurRule)
      .map((rule) => ruleLine('add', rule)),
    [
      'rule add pref 5250 iif lo uidrange 1000-1999 lookup 5254',
      'rule add pref 5250 from 100.80.0.1/32 iif lo uidrange 0-0 lookup 5254',
      'rule add pref 5250 to 100.80.0.53/32 iif lo lookup 5254',
      'rule add pref 5251 oif zt0 lookup 5255',
      'rule add pref 5251 to 100.80.0.0/16 unreachable',
    ],
  )
})

test('D5: routes of ours are told from those of others, and read back as the lines that made them', (t) => {
  const routes = [...parseRoutes(ROUTES_V4, 4), ...parseRoutes(ROUTES_V6, 6)]
  t.deepEqual(
    routes.filter(isOurRoute).map((route) => routeLine('remove', route)),
    [
      'route del 10.0.0.0/8 dev zt0 table 5254',
      'route del throw 10.1.0.1/32 table 5254',
      'route del local 0.0.0.0/0 dev zt0 table 5255',
      'route del unreachable 100.80.0.0/16 metric 4294967295 table 5254',
      'route del throw fd00:1::1/128 dev lo metric 1024 table 5254',
    ],
  )
})

test('T106: links are told with their kinds; what has no name is none', (t) => {
  const links =
    '[{"ifname":"wg0","linkinfo":{"info_kind":"wireguard"}},{},{"ifname":"e","flags":["UP"]}]'
  t.deepEqual(parseLinks(links), [
    { name: 'wg0', kind: 'wireguard', isUp: false, addresses: [] },
    { name: 'e', kind: '', isUp: true, addresses: [] },
  ])
})

test('D5: no line is made for a rule or a route of others', (t) => {
  const [rule] = parseRules(RULES_V4, 4).filter((one) => !isOurRule(one))
  const [route] = parseRoutes(ROUTES_V4, 4).filter((one) => !isOurRoute(one))
  t.throws(() => rule && ruleLine('remove', rule), { message: /not a rule of ours/ })
  t.throws(() => route && routeLine('remove', route), { message: /not a route of ours/ })
})

test('D5: what `ip` prints is read, whatever it is', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      t.true(Array.isArray(parseRules(text, 4)) && Array.isArray(parseRoutes(text, 6)))
      t.true(Array.isArray(parseLinks(text)))
    }),
  )
})

test('D5: of the complaints of a batch only those count that leave it other than wanted', (t) => {
  const lines = ['rule del pref 5250', 'route del 10.0.0.0/8', 'route del 10.0.0.0/9']
  const stderr = [
    ...['RTNETLINK answers: No such file or directory', 'Command failed -:1'],
    ...['RTNETLINK answers: Operation not permitted', 'Command failed -:2'],
    ...['RTNETLINK answers: No such process', 'Command failed -:3', ''],
  ].join('\n')
  t.deepEqual(batchFailures('remove', lines, stderr), [
    { line: 'route del 10.0.0.0/8', complaint: 'RTNETLINK answers: Operation not permitted' },
  ])
  const there = 'RTNETLINK answers: File exists\nCommand failed -:1\n'
  t.deepEqual(batchFailures('add', ['rule add pref 5250'], there), [])
  t.is(batchFailures('remove', lines, there).length, 1)
  const unreadable = 'Error: inet prefix is expected rather than "fd00::1".\n'
  t.is(batchFailures('add', lines, unreadable).length, 1, 'ip ends there without a number')
  t.deepEqual(batchFailures('add', lines, 'Warning: something else\n'), [])
})
