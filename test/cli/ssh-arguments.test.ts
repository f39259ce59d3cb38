import test from 'ava'
import fc from 'fast-check'
import { formatHost } from '#lib/net/endpoint'
import { parseSshArguments } from '../../cli/ssh-arguments.ts'

const accepted: Record<string, [string[], [string[], string | undefined, string, string[]]]> = {
  'a host': [['db1'], [[], undefined, 'db1', []]],
  'user, host and command': [
    ['a@db1.corp', 'ls', '-l'],
    [[], 'a', 'db1.corp', ['ls', '-l']],
  ],
  'options with and without values': [
    ['-tt', '-p', '2222', '-vL', '1:h:2', 'db1'],
    [['-tt', '-p', '2222', '-vL', '1:h:2'], undefined, 'db1', []],
  ],
  'a value in the same word': [
    ['-p2222', 'db1'],
    [['-p2222'], undefined, 'db1', []],
  ],
  'a double hyphen': [
    ['-v', '--', 'db1', 'true'],
    [['-v'], undefined, 'db1', ['true']],
  ],
  'options behind the host, and a command behind them': [
    ['a@db1', '-p', '2222', '-t', 'ls', '-l'],
    [['-p', '2222', '-t'], 'a', 'db1', ['ls', '-l']],
  ],
  'options on both sides of the host, and a double hyphen': [
    ['-v', 'db1', '-L1:h:2', '--', '-l'],
    [['-v', '-L1:h:2'], undefined, 'db1', ['-l']],
  ],
  'users as options': [
    ['-lann', '-o', 'User = bob', 'db1', '-l', 'eve'],
    [['-lann', '-o', 'User = bob', '-l', 'eve'], undefined, 'db1', []],
  ],
  'an IPv6 literal': [['root@[fd00::1]'], [[], 'root', 'fd00::1', []]],
}
for (const [title, [args, wanted]] of Object.entries(accepted)) {
  test(`S1 zt ssh takes ${title}`, (t) => {
    const parsed = parseSshArguments(args)
    if (!parsed.ok) return t.fail(parsed.error.reason)
    const { options, user, host, command } = parsed.value
    return t.deepEqual([[...options], user, formatHost(host), [...command]], wanted)
  })
}

const refused: Record<string, [string[], string]> = {
  'no destination': [['-v'], 'no_destination'],
  'an option without its value': [['-p'], 'option_without_value'],
  'an option behind the host without its value': [['db1', '-p'], 'option_without_value'],
  'a user of -l with a command substitution (T26)': [['-vl', '$(id)', 'db1'], 'bad_user'],
  'a user of -l behind the host (T26)': [['db1', '-l`id`'], 'bad_user'],
  'a user of -o with a backslash (T26)': [['-oUser=a\\b', 'db1'], 'bad_user'],
  'a user of -o with a space for the sign (T26)': [['-o', 'user a$b', 'db1'], 'bad_user'],
  'a user with a command substitution (T26)': [['$(id)@db1'], 'bad_user'],
  'a user with a backslash (T26)': [['a\\b@db1'], 'bad_user'],
  'a user that looks like an option (T26)': [['--', '-oProxyCommand=id@db1'], 'bad_user'],
  'a user with two at signs (T26)': [['a@b@db1'], 'bad_user'],
  'an empty user': [['@db1'], 'bad_user'],
  'a host that looks like an option (T27)': [['--', '-oProxyCommand=id'], 'bad_host'],
  'a host with a space (T27)': [['db1 -oProxyCommand=id'], 'bad_host'],
  'a host with a line break (T27)': [['db1\nProxyCommand id'], 'bad_host'],
  'a host with a quote (T27)': [["db1';id;'"], 'bad_host'],
  'a jump whose user is a command (T26)': [['-J', '$(id)@b1', 'db1'], 'bad_user'],
  'a jump that is an option (T27)': [['-J', 'b1,-oProxyCommand=id', 'db1'], 'bad_host'],
  'a jump without a host': [['-J', '', 'db1'], 'bad_host'],
  'a glob (T27)': [['*'], 'bad_host'],
}
for (const [title, [args, reason]] of Object.entries(refused)) {
  test(`S1 zt ssh refuses ${title}`, (t) => {
    const parsed = parseSshArguments(args)
    t.is(parsed.ok ? 'accepted' : parsed.error.reason, reason)
  })
}

test('S1 T27: never throws, and no accepted host has a character that a shell or ssh_config reads', (t) => {
  const property = fc.property(fc.array(fc.string(), { maxLength: 4 }), (args) => {
    const parsed = parseSshArguments(args)
    return !parsed.ok || /^[a-z0-9_.:-]+$/.test(formatHost(parsed.value.host))
  })
  t.notThrows(() => fc.assert(property, { numRuns: 200 }))
})

test('S7 zt ssh takes jumps apart, the first one first', (t) => {
  const parsed = parseSshArguments(['-vJ', 'ann@b1.corp:2222,b2.corp', 'db1', '-p', '23'])
  if (!parsed.ok) return t.fail(parsed.error.reason)
  const { jumps, options, port } = parsed.value
  const hops = jumps.map((hop) => [hop.user, formatHost(hop.host), hop.port])
  t.deepEqual(hops, [
    ['ann', 'b1.corp', 2222],
    [undefined, 'b2.corp', undefined],
  ])
  return t.deepEqual([options, port], [['-p', '23'], 23])
})

test('S7 -J none is no jump', (t) => {
  const parsed = parseSshArguments(['-J', 'none', 'db1'])
  t.deepEqual(parsed.ok && [parsed.value.jumps, parsed.value.options], [[], []])
})
