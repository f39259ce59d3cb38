import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { formatHost } from '#lib/net/endpoint'
import {
  knownHostsText,
  parseSshArguments,
  proxyCommandText,
  quoteForShell,
  sshArgv,
  sshConfigText,
} from '../../cli/ssh-destination.ts'

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

test('S1 T27: a quoted word is one word to a real shell, whatever it holds', (t) => {
  const words = ["it's", '$(id)', '`id`', 'a b', '"', '\\', '-n']
  for (const word of words) {
    const script = `printf %s ${quoteForShell(word)}`
    t.is(execFileSync('sh', ['-c', script], { encoding: 'utf8' }), word)
  }
  t.is(quoteForShell('100%h'), "'100%%h'")
})

test('S1 the argv puts our options first, and the host behind a double hyphen', (t) => {
  const parsed = parseSshArguments(['-o', 'StrictHostKeyChecking=no', 'alice@db1.corp', 'id'])
  if (!parsed.ok) return t.fail()
  const proxy = { kind: 'nc', proxyHost: '127.0.0.1', proxyPort: 1080 } as const
  const argv = sshArgv(parsed.value, { knownHostsFile: '/k', proxy })
  t.true(argv.indexOf('StrictHostKeyChecking=yes') < argv.indexOf('StrictHostKeyChecking=no'))
  t.deepEqual(argv.slice(-3), ['--', 'db1.corp', 'id'])
  // ssh itself says what it would do with these options.
  const effective = execFileSync('ssh', ['-G', '-F', 'none', ...argv.slice(1, -1)], {
    encoding: 'utf8',
  })
  t.regex(effective, /^stricthostkeychecking true$/m)
  t.regex(effective, /^user alice$/m)
  return t.regex(effective, /^proxycommand nc -X 5 -x 127\.0\.0\.1:1080 %h %p$/m)
})

test('S1 without nc the proxy command is zt itself, each word quoted', (t) => {
  const text = proxyCommandText({ kind: 'zt', argv: ['/opt/my node', '/x/main.js'] })
  t.is(text, "'/opt/my node' '/x/main.js' 'connect' %h %p")
})

test('S1 known_hosts trusts the authority for the one host, any port, as ssh-keygen reads it', (t) => {
  const text = knownHostsText('db1.corp', ['ssh-ed25519 AAAA'])
  t.is(text, '@cert-authority db1.corp,[db1.corp]:* ssh-ed25519 AAAA\n')
})

test('S1 ssh-config writes blocks that ssh accepts', (t) => {
  const proxy = { kind: 'nc', proxyHost: '127.0.0.1', proxyPort: 1080 } as const
  const text = sshConfigText({
    domains: ['corp.internal'],
    knownHostsFile: '/tmp/known hosts',
    proxy,
  })
  const folder = mkdtempSync(join(tmpdir(), 'zt-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'config')
  writeFileSync(file, text)
  const effective = execFileSync('ssh', ['-G', '-F', file, 'db1.corp.internal'], {
    encoding: 'utf8',
  })
  t.regex(effective, /^stricthostkeychecking true$/m)
  t.regex(effective, /^userknownhostsfile \/tmp\/known hosts$/m)
})
