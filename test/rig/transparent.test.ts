/** Programs as they come, on a laptop that is a namespace with one link: nothing on it knows of zt. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { must, run, startProcess } from '../../scripts/lab/child-process.ts'
import { LAPTOP_EVENTS, outlast } from '../../scripts/lab/laptop-events.ts'
import { UPLINK } from '../../scripts/lab/namespace-lab.ts'
import { NAMES, PORTS, transparentPolicy } from '../../scripts/lab/policy-texts.ts'
import { startTransparentLab, type TransparentLab } from '../../scripts/lab/transparent-lab.ts'

const test = anyTest as TestFn<TransparentLab>

/** Neither daemon, nor owner, nor the laptop's user. */
const OTHER_UID = 65533
const SSH = 'ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes'
const CURL = 'curl -sS --max-time 10'
/** curl's words for a connection that is refused, empty or reset. */
const REFUSED = [7, 52, 56]
/** No route. */
const NOT_CONNECTED = 7

test.before(async (t) => {
  t.timeout(120_000)
  t.context = await startTransparentLab()
})

test.after.always((t) => t.context.close?.())

/** Runs a command and gives its output. */
async function said(t: ExecutionContext<TransparentLab>, command: string): Promise<string> {
  const { code, stdout, stderr } = await t.context.onLaptop(command.split(' '))
  t.is(code, 0, `${command}: ${stderr}`)
  return stdout
}

/** With what is typed. */
async function echoed(t: ExecutionContext<TransparentLab>, netcat: string): Promise<string> {
  return (await t.context.onLaptop(['sh', '-c', `printf hello | ${netcat}`])).stdout
}

test.serial(
  'D2 D3: curl by name, by short name, below a wildcard, by address, over IPv6',
  async (t) => {
    const { target } = t.context.organisation.lab
    for (const host of [NAMES.wiki, 'wiki', NAMES.app, target]) {
      t.regex(await said(t, `${CURL} http://${host}:${PORTS.web}/`), /Private wiki/)
    }
    t.regex(await said(t, `${CURL} -6 http://${NAMES.wiki}:${PORTS.web}/`), /Private wiki/)
  },
)

test.serial('D2 D3: dig, over UDP and TCP; a name is the same address each time', async (t) => {
  const first = await said(t, `dig +short ${NAMES.wiki}`)
  t.regex(first, /^100\.80\.\d+\.\d+\n$/)
  t.is(await said(t, `dig +short +tcp ${NAMES.wiki}`), first)
  t.regex(await said(t, `dig +short ${NAMES.wiki} AAAA`), /^fdb4:5e1c:907a::/)
  t.is(await said(t, `dig +short -x ${first.trim()}`), `${NAMES.wiki}.\n`)
  const [resolver] = (await t.context.status()).transparent?.resolver?.addresses ?? []
  t.is(await said(t, `dig +short @${resolver} ${NAMES.wiki}`), first)
})

test.serial('D2 S1: ssh and git over it, by name and by address', async (t) => {
  const { lab, policyInput, folder } = t.context.organisation
  const user = policyInput.unixUser
  for (const host of [NAMES.database, lab.target]) {
    t.is(await said(t, `${SSH} ${user}@${host} echo reached`), 'reached\n')
  }
  const repository = join(folder, 'repository')
  await must(['git', 'init', '-q', '--bare', repository])
  const clone = `git ls-remote ssh://${user}@${NAMES.database}${repository}`
  t.is(await said(t, `env GIT_SSH_COMMAND=${SSH.replaceAll(' ', '\t')} ${clone}`), '')
})

test.serial('D2: psql', async (t) => {
  const login = `-h ${NAMES.database} -U ${t.context.databaseUser} postgres`
  t.is(await said(t, `psql ${login} -Atc VALUES(4711)`), '4711\n')
})

test.serial('D2: nc to an odd port, TCP and UDP', async (t) => {
  for (const host of [NAMES.wiki, t.context.organisation.lab.target]) {
    t.is(await echoed(t, `nc -N -w 5 ${host} ${PORTS.echo}`), 'hello')
    t.is(await echoed(t, `nc -u -W 1 -w 5 ${host} ${PORTS.echo}`), 'hello')
  }
})

test.serial('D2: ping', async (t) => {
  for (const host of [NAMES.wiki, t.context.organisation.lab.target]) {
    t.regex(await said(t, `ping -n -c 2 -i 0.2 -W 3 ${host}`), /2 received/)
  }
})

test.serial(
  'D2 G2: what policy denies is reset at once, and a name that it hides is none',
  async (t) => {
    const { lab } = t.context.organisation
    const { code } = await t.context.onLaptop(
      `${CURL} http://${lab.target}:${PORTS.denied}/`.split(' '),
    )
    t.true(REFUSED.includes(code), String(code))
    t.is(await said(t, `dig +short ${NAMES.denied}`), '')
  },
)

test.serial('D2: an address that stands for no name is refused at once', async (t) => {
  const { code } = await t.context.onLaptop(`${CURL} http://100.80.200.200/`.split(' '))
  t.true(REFUSED.includes(code), String(code))
  const { dropped } = (await t.context.status()).transparent?.counters ?? {}
  t.is(dropped?.['unknown_destination'], 1)
})

test.serial(
  'D12: explain knows which name an address stands for, and that one stands for none',
  async (t) => {
    const address = (await said(t, `dig +short ${NAMES.wiki}`)).trim()
    const explain = (host: string) =>
      run([...t.context.organisation.zt, 'explain', host, `${PORTS.web}`])
    const meant = await explain(address)
    t.is(meant.code, 0, meant.stdout)
    t.regex(meant.stdout, /allowed_by_policy/)
    t.regex(meant.stdout, new RegExp(`route +ours, as ${NAMES.wiki}`))
    const none = await explain('100.80.200.200')
    t.is(none.code, 4)
    t.regex(none.stdout, /target_unreachable/)
  },
)

test.serial(
  'D3 D15: another user learns a name of the resolver, and cannot connect to it',
  async (t) => {
    const [resolver = ''] = (await t.context.status()).transparent?.resolver?.addresses ?? []
    const asked = `dig +short @${resolver} ${NAMES.wiki}`
    const { stdout } = await t.context.onLaptop(asked.split(' '), OTHER_UID)
    t.regex(stdout, /^100\.80\./)
    const curl = `${CURL} http://${stdout.trim()}:${PORTS.web}/`
    t.is((await t.context.onLaptop(curl.split(' '), OTHER_UID)).code, NOT_CONNECTED)
  },
)

/** A question whose name is a pointer to itself (RFC 1035 section 4.1.4), and no question at all. */
const LOOP =
  '\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\xc0\\x0c\\x00\\x01\\x00\\x01'

test.serial('D3 T104: DNS garbage is counted in zt status, and names go on', async (t) => {
  const [resolver = ''] = (await t.context.status()).transparent?.resolver?.addresses ?? []
  for (const octets of [LOOP, 'garbage']) {
    await t.context.onLaptop(['bash', '-c', `printf '${octets}' | nc -u -W 1 -w 1 ${resolver} 53`])
  }
  t.is((await t.context.status()).transparent?.resolver?.refused['malformed'], 2)
  t.regex(await must([...t.context.organisation.zt, 'status']), /refused: .*malformed 2/)
  t.regex(await said(t, `dig +short ${NAMES.wiki}`), /^100\.80\./)
})

/** Packets that came out of the TUN, but for what the kernel says to its neighbours on every link. */
async function taken({ status }: TransparentLab): Promise<number> {
  const { packets = 0, dropped = {} } = (await status()).transparent?.counters ?? {}
  return packets - (dropped['multicast'] ?? 0)
}

test.serial('D2 D15: the traffic of another user is not taken, however it is sent', async (t) => {
  const { target } = t.context.organisation.lab
  const before = await taken(t.context)
  const wiki = `${target}:${PORTS.web}`
  for (const command of [
    `curl -sS --max-time 1 http://${wiki}/`,
    `curl -sS --max-time 1 --interface if!zt0 http://${wiki}/`,
    `curl -sS --max-time 1 --interface if!zt0 tftp://${target}/file`,
    `ping -n -c 1 -W 1 -I zt0 ${target}`,
  ]) {
    t.not((await t.context.onLaptop(command.split(' '), OTHER_UID)).code, 0, command)
  }
  t.is(await taken(t.context), before)
})

/** Packets on a link while `act` goes on, one line each. Neighbours of IPv6 are left out. */
async function packetsOn(
  { organisation, onLaptop }: TransparentLab,
  link: string,
  act: () => Promise<unknown>,
): Promise<string[]> {
  const logFile = join(organisation.folder, `tcpdump-${link}.log`)
  rmSync(logFile, { force: true })
  const dump = ['tcpdump', '-i', link, '-n', '-l', '-t', '--immediate-mode']
  const capture = await startProcess({
    argv: [...organisation.lab.inLaptop, ...dump, 'ip or (ip6 and not icmp6)'],
    logFile,
    readyWhen: /listening on/,
  })
  await act()
  // The capture has seen all once it sees this.
  const last = link === UPLINK ? organisation.lab.gateway : '100.80.0.77'
  const seen = capture.nextLine(new RegExp(`> ${last}.9: `))
  await onLaptop(['sh', '-c', `echo last | nc -u -w 1 ${last} 9`])
  await seen
  await capture.stop()
  const lines = readFileSync(logFile, 'utf8').match(/^IP6? .*$/gm) ?? []
  // Neither the last one, nor the answer to it.
  return lines.filter((line) => !line.includes(`${last}.9:`) && !line.includes('udp port 9 '))
}

test.serial(
  'D2 D4: what is not ours goes by the uplink as ever, and touches the TUN nowhere',
  async (t) => {
    const { urls, lab } = t.context.organisation
    const page = async () => said(t, `${CURL} -k -o /dev/null ${urls.admin}`)
    t.deepEqual(await packetsOn(t.context, 'zt0', page), [])
    const sent = await packetsOn(t.context, UPLINK, page)
    const port = new URL(urls.admin).port
    t.true(sent.some((line) => line.includes(`> ${lab.admin}.${port}: Flags [S]`)))
  },
)

test.serial('D2 D4: what is ours leaves in the tunnel only', async (t) => {
  const { lab } = t.context.organisation
  const sent = await packetsOn(t.context, UPLINK, () =>
    said(t, `${CURL} http://${NAMES.wiki}:${PORTS.web}/`),
  )
  t.deepEqual(
    sent.filter((line) => !line.includes(`${lab.gateway}.8443`)),
    [],
  )
})

test.serial('D2: routes follow the settings of the gateway within two seconds', async (t) => {
  const { organisation, onLaptop } = t.context
  const { lab, policyInput } = organisation
  const wayTo = async (address: string): Promise<string> =>
    (await onLaptop(['ip', 'route', 'get', address])).stdout
  t.regex(await wayTo('10.99.0.1'), new RegExp(UPLINK))
  const text = transparentPolicy(policyInput)
  const more = text.replace(`"${lab.targetPrefix}"`, `"${lab.targetPrefix}", "10.99.0.0/16"`)
  await organisation.applyPolicy(more)
  const pushedAt = performance.now()
  while (!/zt0/.test(await wayTo('10.99.0.1'))) t.true(performance.now() - pushedAt < 2000)
  await organisation.applyPolicy(text)
  const takenBackAt = performance.now()
  while (/zt0/.test(await wayTo('10.99.0.1'))) t.true(performance.now() - takenBackAt < 2000)
})

/** Until a program that is started again and again has data, milliseconds. */
async function dataAgain({ onLaptop }: TransparentLab, limitMs: number): Promise<number> {
  const beganAtMs = performance.now()
  for (;;) {
    const page = await onLaptop(
      `curl -sS --max-time 1 http://${NAMES.wiki}:${PORTS.web}/`.split(' '),
    )
    const tookMs = performance.now() - beganAtMs
    if (page.stdout.includes('Private wiki') || tookMs > limitMs) return tookMs
  }
}

const EVENTS = ['sleep', 'link flap', 'DNS server change']
for (const event of LAPTOP_EVENTS.filter(({ name }) => EVENTS.includes(name))) {
  test.serial(`D2 D8 T107: after ${event.name} curl as it comes has data in time`, async (t) => {
    const limitMs = event.withinSeconds * 1000
    await event.begin(t.context.organisation)
    await outlast(event)
    await event.end(t.context.organisation)
    const tookMs = await dataAgain(t.context, limitMs)
    t.log(`after ${Math.round(tookMs)} ms`)
    t.true(tookMs <= limitMs, `${tookMs} ms`)
  })
}

test.serial(
  'D5 T102: killed, started again with the same addresses, stopped: as before',
  async (t) => {
    const { organisation, onLaptop, untilTaken, network, untouched } = t.context
    const before = await said(t, `dig +short ${NAMES.wiki}`)
    organisation.daemon.signal('SIGKILL')
    await organisation.daemon.exited
    t.notRegex((await onLaptop(['ip', 'link'])).stdout, /zt0/)
    await said(t, `${CURL} -k -o /dev/null ${organisation.urls.admin}`)
    const daemon = await organisation.startDaemon()
    await untilTaken()
    t.is(await said(t, `dig +short ${NAMES.wiki}`), before)
    t.regex(await said(t, `${CURL} http://${NAMES.wiki}:${PORTS.web}/`), /Private wiki/)
    await daemon.stop(10_000)
    t.is(await network(), untouched)
  },
)
