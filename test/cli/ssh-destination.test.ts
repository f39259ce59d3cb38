import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { parseSshArguments } from '../../cli/ssh-arguments.ts'
import {
  knownHostsText,
  proxyCommandText,
  quoteForShell,
  sshArgv,
  sshConfigText,
} from '../../cli/ssh-destination.ts'

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

test('S7 T26: a chain of jumps is what ssh and real shells make of it: each ssh behind the one before', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zt-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const parsed = parseSshArguments(['-J', 'ann@b1.corp:2222,[fd00::1]', '-p', '23', 'db1.corp'])
  if (!parsed.ok) return t.fail(parsed.error.reason)
  const proxy = { kind: 'nc', proxyHost: '127.0.0.1', proxyPort: 1080 } as const
  const settings = { knownHostsFile: join(folder, 'known hosts'), proxy }
  let argv = sshArgv(parsed.value, settings).slice(1)
  for (const [host, port, user] of [
    ['db1.corp', '23', undefined],
    ['fd00::1', '22', undefined],
    ['b1.corp', '2222', 'ann'],
  ]) {
    const effective = execFileSync('ssh', ['-G', '-F', 'none', ...argv], { encoding: 'utf8' })
    t.regex(effective, new RegExp(`^hostname ${host}$`, 'm'))
    t.regex(effective, new RegExp(`^port ${port}$`, 'm'))
    t.regex(effective, /^stricthostkeychecking true$/m)
    if (user !== undefined) t.regex(effective, new RegExp(`^user ${user}$`, 'm'))
    const way = /^proxycommand (.*)$/m.exec(effective)?.[1] ?? ''
    if (host === 'b1.corp') return t.is(way, 'nc -X 5 -x 127.0.0.1:1080 %h %p')
    // As ssh expands it, and the shell splits it.
    const letters: Record<string, string | undefined> = { '%': '%', h: host, p: port }
    const expanded = way.replaceAll(/%(.)/g, (_, letter: string) => letters[letter] ?? '?')
    const script = `for word in ${expanded}; do printf '%s\\0' "$word"; done`
    argv = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(1, -1)
    t.deepEqual(argv.slice(-4, -2), ['-W', `[${host}]:${port}`])
  }
  return t.fail('the chain does not end at the tunnel')
})

test('S1 without nc the proxy command is zt itself, each word quoted', (t) => {
  const text = proxyCommandText({ kind: 'zt', argv: ['/opt/my node', '/x/main.js'] })
  t.is(text, "'/opt/my node' '/x/main.js' 'connect' %h %p")
})

test('S1 known_hosts trusts the authority for the one host, any port, as ssh-keygen reads it', (t) => {
  const text = knownHostsText(['db1.corp'], ['ssh-ed25519 AAAA'])
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
