/** `zt run` as its user has it: unmodified programs, a user without rights, a real daemon and gateway. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import ava from 'ava'
import { startWeb } from '../../support/daemon-rig.ts'
import { startUdpTarget } from '../../support/datagrams.ts'
import { denial, permitAll } from '../../support/decisions.ts'
import { pingLab } from '../../support/ping-lab.ts'
import { ADDRESS, LIMIT_MS, NAMES, NOBODY, startRunLab } from '../../support/run-lab.ts'
import { runProgram } from '../../support/run-program.ts'

/** One after the other: each starts several programs, and all at once would take longer than one may. */
const test = ava.serial

const [WIKI = '', DB = ''] = NAMES
const MEGABYTE = 1024 * 1024
/** curl's words for a reset: during the handshake, or after it. */
const RESET_CODES: ReadonlySet<number | null> = new Set([7, 56])

const curl = (url: string): string[] => ['curl', '-sS', '-m', '30', url]

test('D6: curl reaches a private name and a private address; the program is the same user without rights', async (t) => {
  const web = await startWeb(t)
  const lab = await startRunLab(t)
  const page = await lab.run('--', ...curl(`http://${WIKI}:${web.port}/a`))
  t.is(page.stdout, 'page /a', page.stderr)
  const { facts } = await lab.enforced.closedRecord()
  t.like(facts.destination, { host: WIKI, port: web.port, transport: 'tcp' })
  const byAddress = await lab.run(...curl(`http://${ADDRESS}:${web.port}/b`))
  t.is(byAddress.stdout, 'page /b', byAddress.stderr)
  const said = await lab.run('sh', '-c', 'id -u; grep CapEff /proc/self/status; pwd -P; echo $HOME')
  t.deepEqual(said.stdout.split('\n').slice(0, 4), [
    String(NOBODY),
    'CapEff:\t0000000000000000',
    process.cwd(),
    process.env['HOME'] ?? '',
  ])
})

test('D6: root has no capabilities inside, and cannot change the network', async (t) => {
  const lab = await startRunLab(t)
  // A setuid program, which root may make, gives nothing back either.
  const setuid = join(lab.folder, 'ip')
  copyFileSync('/usr/sbin/ip', setuid)
  chmodSync(setuid, 0o4755)
  const script = `id -u; grep CapEff /proc/self/status
for ip in ip ${setuid}; do $ip link set zt0 down || echo refused; done`
  const said = await runProgram([...lab.zt, 'run', '--', 'sh', '-c', script], '', LIMIT_MS)
  const [uid, capabilities, ...network] = said.stdout.trim().split('\n')
  t.deepEqual([uid, network], ['0', ['refused', 'refused']], said.stderr)
  t.is(capabilities, 'CapEff:\t0000000000000000')
})

test('D6: root runs programs on the daemon of another user, names and connections', async (t) => {
  const web = await startWeb(t)
  const lab = await startRunLab(t)
  const argv = [...lab.zt, 'run', '--', ...curl(`http://${WIKI}:${web.port}/root`)]
  const page = await runProgram(argv, '', LIMIT_MS)
  t.is(page.stdout, 'page /root', page.stderr)
})

test('D6: a machine with IPv6 switched off still has IPv4 inside', async (t) => {
  const web = await startWeb(t)
  const lab = await startRunLab(t)
  const real = join(lab.folder, 'ip-real')
  const wrapper = `#!/bin/sh\n[ "$1" != -6 ] || exit 2\nexec ${real} "$@"\n`
  writeFileSync(join(lab.folder, 'ip'), wrapper)
  chmodSync(join(lab.folder, 'ip'), 0o755)
  const commands = `cp /usr/sbin/ip ${real}; mount --bind ${lab.folder}/ip /usr/sbin/ip`
  const page = await lab.runAfter(commands, ...curl(`http://${WIKI}:${web.port}/four`))
  t.is(page.stdout, 'page /four', page.stderr)
})

test('D6 D12: nc over TCP and UDP, dig and the C library, as they come', async (t) => {
  const web = await startWeb(t)
  const udp = await startUdpTarget(t)
  const lab = await startRunLab(t)
  const script = `printf 'one datagram' | nc -u -W 1 -w 30 ${WIKI} ${udp.port}; echo
dig +short ${WIKI}; dig +short +tcp ${WIKI} AAAA; getent ahosts ${WIKI} | cut -c1-7 | sort -u
printf 'GET /odd HTTP/1.0\\r\\n\\r\\n' | nc -N -w 30 ${ADDRESS} ${web.port} | tail -n 1`
  const said = await lab.run('sh', '-c', script)
  const [datagram, a = '', aaaa = '', ...rest] = said.stdout.split('\n')
  t.is(datagram, 'one datagram', said.stderr)
  t.regex(a, /^100\.80\.\d+\.\d+$/)
  t.regex(aaaa, /^fdb4:5e1c:907a:/)
  t.deepEqual(rest, [a.slice(0, 7), 'fdb4:5e', 'page /odd'])
})

test('D6: ping as it comes, by name and by address, over IPv4 and IPv6', async (t) => {
  const { dialIcmp } = await pingLab(t)
  const lab = await startRunLab(t, {
    dialIcmp: (to, ...rest) => dialIcmp({ ...to, address: '10.77.0.1' }, ...rest),
  })
  // A copy has no file capabilities, as ping on many systems.
  const bare = join(lab.folder, 'ping')
  copyFileSync('/usr/bin/ping', bare)
  const words = ['-n', '-c', '2', '-i', '0.2', '-W', '20']
  for (const ping of ['ping', bare]) {
    for (const to of [['-4', WIKI], ['-6', WIKI], [ADDRESS]]) {
      const said = await lab.run(ping, ...words, ...to)
      t.regex(said.stdout, /2 received/, said.stdout + said.stderr)
    }
  }
  // Its file capabilities are more than root has inside: that must not keep it from being executed.
  const ofRoot = await runProgram([...lab.zt, 'run', '--', 'ping', ...words, WIKI], '', LIMIT_MS)
  t.regex(ofRoot.stdout, /2 received/, ofRoot.stdout + ofRoot.stderr)
  const { facts } = await lab.enforced.closedRecord()
  t.is(facts.destination.transport, 'icmp')
})

test('D6: megabytes arrive as they were sent, both ways', async (t) => {
  const page = randomBytes(24 * MEGABYTE)
  const hash = (octets: Buffer) => createHash('sha256').update(octets).digest('hex')
  const server = http.createServer((request, response) => {
    if (request.method === 'GET') return void response.end(page)
    const hashing = createHash('sha256')
    request.on('data', (chunk) => hashing.update(chunk))
    request.on('end', () => response.end(hashing.digest('hex')))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const lab = await startRunLab(t)
  const url = `http://${WIKI}:${(server.address() as AddressInfo).port}/`
  const both = `curl -sS ${url} > page && sha256sum < page && curl -sS -T page ${url}`
  const folder = join(lab.folder, 'own')
  const said = await lab.runAfter(`mkdir -m 0777 ${folder}; cd ${folder}`, 'sh', '-c', both)
  t.is(said.code, 0, said.stderr)
  const [down = '', up] = said.stdout.split('\n')
  t.is(down.slice(0, 64), hash(page), said.stderr)
  t.is(up, hash(page))
})

test('D6 T104: what the gateway refuses is reset at once, and other connections are not', async (t) => {
  const web = await startWeb(t)
  const decide: typeof permitAll.decide = (facts) =>
    facts.destination.host === DB ? denial('no_application') : permitAll.decide(facts)
  const lab = await startRunLab(t, { decider: { ...permitAll, decide } })
  const refused = await lab.run(...curl(`http://${DB}:${web.port}/`))
  t.true(RESET_CODES.has(refused.code), refused.stderr)
  const unknown = await lab.run(...curl(`http://100.80.9.9:${web.port}/`))
  t.true(RESET_CODES.has(unknown.code), unknown.stderr)
  t.is((await lab.run(...curl(`http://${WIKI}:${web.port}/a`))).stdout, 'page /a')
  t.deepEqual(web.asked, ['/a'])
})

/** An address of this machine that no namespace has of its own. */
function ownAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((some) => some ?? [])
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address
}

test('D4 D6: what is not private goes directly, or nowhere with --only-private', async (t) => {
  const address = ownAddress()
  if (address === undefined) return t.log('this machine has no address but loopback')
  const web = http.createServer((_request, response) => response.end('direct'))
  web.listen(0, address)
  await once(web, 'listening')
  t.teardown(() => void web.close())
  const lab = await startRunLab(t)
  const url = `http://${address}:${(web.address() as AddressInfo).port}/`
  const direct = await lab.run(...curl(url))
  t.is(direct.stdout, 'direct', direct.stderr)
  const refused = await lab.run('--only-private', '--', ...curl(url))
  t.true(RESET_CODES.has(refused.code), refused.stderr)
  const name = await lab.run('--only-private', '--', 'dig', '+tries=1', '+time=30', 'example.com')
  t.regex(name.stdout, /status: SERVFAIL|status: REFUSED/)
  t.is(lab.enforced.records.size, 0)
})
