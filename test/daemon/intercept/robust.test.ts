/** What goes wrong around the engine: a crash, a firewall, a flood, somebody at the wrong door. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import ava from 'ava'
import { openTun } from '../../../daemon/intercept/tun-os.ts'
import { interceptLab } from '../../support/intercept-lab.ts'
import { runProgram } from '../../support/run-program.ts'

/** One after the other: each starts several programs, and all at once would take longer than one may. */
const test = ava.serial

const MEGABYTE = 1024 * 1024
const FLOOD = ['python3', 'test/support/flood.py']
/** In redirect mode the kernel keeps fragments, bounded, until they are whole: NAT asks for that. */
const FLOODED = {
  redirect: ['extension_header', 'protocol', 'malformed', 'icmp_type'],
  'tun-nat': ['fragment', 'extension_header', 'protocol', 'malformed', 'icmp_type'],
} as const
const MODES = ['redirect', 'tun-nat'] as const

for (const mode of MODES) {
  test(`D5: ${mode}: kill -9 leaves no link, no route and no rule`, async (t) => {
    const lab = await interceptLab(t)
    const engine = await lab.start(mode)
    await engine.kill()
    const left = async (command: string) => (await lab.client(command)).stdout
    t.notRegex(await left('ip link'), /zt0/)
    t.notRegex(await left('ip route'), /zt0/)
    for (let tries = 0; (await left('nft list tables')) !== '' && tries < 50; tries++);
    t.is(await left('nft list tables'), '')
    const again = await lab.start(mode)
    t.is(again.warning, undefined)
    t.is((await lab.client('curl -sS --max-time 30 http://10.128.0.6/')).code, 0)
  })

  test(`D5: ${mode}: closed, it ends, whatever its connections do`, async (t) => {
    const lab = await interceptLab(t)
    const engine = await lab.start(mode)
    t.is((await lab.client('curl -sS --max-time 30 http://10.128.0.6/x')).code, 0)
    t.is(await engine.end(), 0)
  })

  test(`D2: ${mode}: works with rp_filter 1`, async (t) => {
    const lab = await interceptLab(t)
    await lab.client('sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1')
    await lab.start(mode)
    t.is((await lab.client('curl -sS --max-time 30 http://10.128.0.6/x')).stdout, '10.128.0.6\n')
    t.is((await lab.client('nc -u -W 1 -w 30 10.128.0.6 4712', 'x')).stdout, 'x')
  })

  test(`D2 T104: ${mode}: SYNs, fragments and noise are counted and cost bounded memory; others go on`, async (t) => {
    const lab = await interceptLab(t)
    const engine = await lab.start(mode)
    const flood = (count: number) =>
      lab.client([...FLOOD, '10.128.0.6', `${count}`, 'fd00:128::6'], '', 110_000)
    t.is((await flood(500)).code, 0)
    const before = await engine.counters()
    const flooding = flood(10_000)
    const page = await lab.client('curl -sS --max-time 30 http://10.128.0.6/x')
    t.is(page.stdout, '10.128.0.6\n', page.stderr)
    await flooding
    let after = await engine.counters()
    const isFlooded = () =>
      after.packets > 10_000 && FLOODED[mode].every((reason) => (after.dropped[reason] ?? 0) > 1000)
    // The kernel itself drops what a busy machine does not take in time.
    while (!isFlooded()) {
      await flood(2_000)
      after = await engine.counters()
    }
    t.log(after)
    t.true(after.memory - before.memory < 64 * 1024 * 1024)
    t.is((await lab.client('curl -sS --max-time 30 http://10.128.0.6/x')).stdout, '10.128.0.6\n')
  })
}

for (const mode of MODES) {
  test(`D2 T104: ${mode}: a client that never reads costs bounded memory; others go on`, async (t) => {
    const lab = await interceptLab(t)
    const engine = await lab.start(mode)
    t.is((await lab.client('curl -sS --max-time 30 http://10.128.0.6/x')).code, 0)
    const before = await engine.counters()
    const ask = `exec 3<>/dev/tcp/10.128.0.6/80; printf 'GET /${200 * MEGABYTE} HTTP/1.0\r\n\r\n' >&3; read -N 1 -u 3; echo here; sleep 30`
    const deaf = lab.begin(['bash', '-c', ask])
    await once(deaf.stdout, 'data')
    for (let tries = 0; tries < 5; tries++) {
      const page = await lab.client('curl -sS --max-time 30 http://10.128.0.6/x')
      t.is(page.stdout, '10.128.0.6\n', page.stderr)
    }
    let after = await engine.counters()
    while (after.open.tcp > 1) after = await engine.counters()
    t.log(after)
    t.is(after.open.tcp, 1)
    t.true(after.memory - before.memory < 64 * MEGABYTE)
  })
}

test('D15: the redirect listener is of no use to who connects to it directly', async (t) => {
  const lab = await interceptLab(t)
  const engine = await lab.start('redirect')
  for (const host of ['127.0.0.1', '[::1]']) {
    const direct = await lab.client(`curl -sS --max-time 30 http://${host}:${engine.port}/`)
    t.true([7, 52, 56].includes(direct.code ?? 0), direct.stderr)
  }
  const { dropped, open } = await engine.counters()
  t.is(dropped.direct_connection, 2)
  t.is(open.tcp, 0)
})

test('D4: tun-nat says which rule a firewall with INPUT drop needs, and the rule helps', async (t) => {
  const lab = await interceptLab(t)
  const nft = (text: string) => lab.client(['nft', '-f', '-'], text)
  const drop = `table inet firewall {
    chain input {
      type filter hook input priority 0; policy drop
      ct state established,related accept
      iifname "lo" accept
    }
  }`
  t.is((await nft(drop)).code, 0)
  const engine = await lab.start('tun-nat')
  t.regex(engine.warning ?? '', /iptables -I INPUT -i zt0 -s 198\.18\.0\.2 -p tcp -j ACCEPT/)
  const udp = await lab.client('nc -u -W 1 -w 30 10.128.0.6 4712', 'x')
  t.is(udp.stdout, 'x', 'only TCP needs the rule')
  await engine.kill()
  await nft('add rule inet firewall input iifname "zt0" accept')
  t.is((await lab.start('tun-nat')).warning, undefined)
})

test('D4: redirect works behind a firewall with INPUT drop', async (t) => {
  const lab = await interceptLab(t)
  const rules = `table inet firewall {
    chain input {
      type filter hook input priority 0; policy drop
      ct state established,related accept
      iifname "lo" accept
    }
  }`
  t.is((await lab.client(['nft', '-f', '-'], rules)).code, 0)
  await lab.start('redirect')
  t.is((await lab.client('curl -sS --max-time 30 http://10.128.0.6/x')).stdout, '10.128.0.6\n')
})

test('D2: without a TUN device the reason says so', (t) => {
  const path = '/nonexistent/net/tun'
  t.false(existsSync(path))
  t.like(openTun('zt0', { path }), { ok: false, error: { reason: 'no_tun_device' } })
  t.throws(() => openTun('a-name-that-is-too-long'), { instanceOf: RangeError })
})

test('D5: a TUN that finds no descriptors leaves none, and may be opened again', async (t) => {
  const program = join(import.meta.dirname, '../../support/tun-process.js')
  const argv = ['unshare', '--net', 'prlimit', '--nofile=64', process.execPath, program]
  const { stdout, stderr } = await runProgram(argv)
  t.deepEqual(JSON.parse(stdout), ['Error: socketpair: error 24', 'opened'], stderr)
})
