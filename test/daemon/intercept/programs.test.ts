/** Unmodified programs in a namespace of their own, through the engine. */
import ava from 'ava'
import { interceptLab } from '../../support/intercept-lab.ts'

/** One after the other: each starts several programs, and all at once would take longer than one may. */
const test = ava.serial

const MEGABYTE = 1024 * 1024
/** Above every link's MTU; nc reads no more at a time. */
const MTU_SMALL = 1500
const LONG_DATAGRAM = 'x'.repeat(16_000)
const TRANSFER_OCTETS = (process.env['ZT_FULL'] ? 200 : 50) * MEGABYTE

/** curl's words for a reset: during the handshake, or after it. */
const RESET_CODES: ReadonlySet<number | null> = new Set([7, 56])

for (const mode of ['redirect', 'tun-nat'] as const) {
  test(`D2: ${mode}: curl, nc, dig, ping over IPv4 and IPv6, by name's address and by literal`, async (t) => {
    const lab = await interceptLab(t)
    const engine = await lab.start(mode)
    t.is(engine.warning, undefined)
    for (const host of ['100.80.0.7', '10.128.0.6', '[fd00:128::6]']) {
      const page = await lab.client(`curl -sS --max-time 30 http://${host}/page`)
      t.is(page.stdout, `${host}\n`, page.stderr)
    }
    for (const host of ['10.128.0.6', 'fd00:128::6']) {
      const said = await lab.client(`nc -N -w 30 ${host} 4711`, 'over an odd port')
      t.is(said.stdout, 'over an odd port')
      const echoed = await lab.client(`nc -u -W 1 -w 30 ${host} 4712`, 'one datagram')
      t.is(echoed.stdout, 'one datagram')
      const pinged = await lab.client(`ping -n -c 2 -i 0.2 -W 30 ${host}`)
      t.regex(pinged.stdout, /2 packets transmitted, 2 received/)
    }
    const a = await lab.client('dig +short +tries=1 +time=30 @100.80.0.53 wiki.corp.internal')
    t.is(a.stdout, '100.80.0.7\n')
    const txt = await lab.client(
      'dig +short +tcp +tries=1 +time=30 @100.80.0.53 wiki.corp.internal TXT',
    )
    t.is(txt.stdout, `"${'x'.repeat(200)}"\n`)
    const counters = await engine.counters()
    t.true(counters.open.udp >= 2 && counters.open.icmp === 2)
  })

  for (const mtu of [MTU_SMALL, 65_535]) {
    test(`D2: ${mode}, MTU ${mtu}: ${TRANSFER_OCTETS / MEGABYTE} MB arrive as they were sent, both ways`, async (t) => {
      const lab = await interceptLab(t)
      const engine = await lab.start(mode, mtu)
      for (const host of ['10.128.0.6', '[fd00:128::6]']) {
        const sink = `--max-time 60 -sS -X PUT -T - http://${host}/`
        const shell = `curl -sS --max-time 60 http://${host}/${TRANSFER_OCTETS} | tee >(curl ${sink} >&2) | sha256sum`
        const both = await lab.client(['bash', '-c', `${shell}; wait`], '', 90_000)
        t.is(both.stderr.trim(), both.stdout.slice(0, 64), 'the server hashed what the client did')
        const direct = await lab.client([
          'bash',
          '-c',
          `curl -sS http://10.200.0.1/${TRANSFER_OCTETS} | sha256sum`,
        ])
        t.is(both.stdout, direct.stdout)
      }
      const { packets } = await engine.counters()
      // Many segments came in one packet (GSO): else each of 1460 octets were one, both ways, with its answers.
      if (mode === 'tun-nat') t.true(packets < (4 * TRANSFER_OCTETS) / MTU_SMALL, `${packets}`)
      else t.true(packets < 1000, `${packets}: the kernel's own TCP needs none of the device`)
    })
  }

  test(`D2: ${mode}: a long datagram comes whole, and so does its answer`, async (t) => {
    const lab = await interceptLab(t)
    const engine = await lab.start(mode)
    for (const host of ['10.128.0.6', 'fd00:128::6']) {
      const echoed = await lab.client(`nc -u -W 1 -w 30 ${host} 4712`, LONG_DATAGRAM)
      t.is(echoed.stdout, LONG_DATAGRAM)
    }
    t.is((await engine.counters()).dropped.fragment, undefined)
  })

  test(`D2 T104: ${mode}: what is refused is refused at once`, async (t) => {
    const lab = await interceptLab(t)
    const engine = await lab.start(mode)
    const refused = await lab.client('curl -sS --max-time 30 http://10.128.0.6:6666/')
    t.true(RESET_CODES.has(refused.code), refused.stderr)
    const closed = await lab.client('curl -sS --max-time 30 http://[fd00:128::6]:81/')
    t.true(RESET_CODES.has(closed.code), closed.stderr)
    const unknown = await lab.client('curl -sS --max-time 30 http://100.80.9.9/')
    t.true(RESET_CODES.has(unknown.code), unknown.stderr)
    const prohibited = await lab.client('dig +tries=1 +time=30 -p 6666 @10.128.0.6 a.example')
    t.regex(prohibited.stdout, /host unreachable/)
    const nobody = await lab.client('dig +tries=1 +time=30 @100.80.9.9 a.example')
    t.regex(nobody.stdout, /connection refused/)
    const nowhere = await lab.client('ping -n -c 1 -W 30 100.80.9.9')
    t.regex(nowhere.stdout, /Destination Host Unreachable/)
    const away = await lab.client('ping -n -c 1 -W 30 10.128.0.13')
    t.regex(away.stdout, /Destination Host Unreachable/)
    const { dropped } = await engine.counters()
    t.is(dropped.refused, 3)
    t.is(dropped.unknown_destination, 3)
  })
}
