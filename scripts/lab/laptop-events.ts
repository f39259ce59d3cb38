/**
 * What happens to a laptop, and what its user and its programs see of it: the table behind docs/reference/life.md, the
 * tests of it and `scripts/bench recovery`.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { DaemonStatus } from '#lib/api/control-api'
import { must } from './child-process.ts'
import { UPLINK, ZONE } from './namespace-lab.ts'
import type { Organisation } from './organisation.ts'
import { type PortalLab, portalLab } from './portal.ts'

export type LaptopEvent = {
  readonly name: string
  readonly what: string
  /** What `zt status` says at least once while it lasts; undefined: nothing in particular. */
  readonly status?: readonly [state: DaemonStatus['state'], reasons: readonly string[]]
  /** What connections are told that come while it lasts; undefined: they wait, and are carried. */
  readonly refusal?: string
  readonly openFlows: 'go on' | 'end'
  /** From the end of the event, or its only moment, until data passes again. */
  readonly withinSeconds: number
  readonly begin: (organisation: Organisation) => Promise<unknown>
  /** How long it lasts at least. */
  readonly lastsMs: number
  readonly end: (organisation: Organisation) => Promise<unknown>
}

/** Longer than a tunnel lives without an answer, and than new connections wait after they found that out. */
const LONG_MS = 20_000

const onLaptop = async ({ lab }: Organisation, ...commands: readonly string[]): Promise<void> => {
  if (lab.inLaptop.length === 0) throw new Error('this machine is no laptop of a lab')
  for (const command of commands) await must([...lab.inLaptop, 'ip', ...command.split(' ')])
}

/** The network between laptop and gateway: 198.19.N.0/24, the gateway has .1 in it. */
function uplinkOf({ lab }: Organisation): string {
  return lab.gateway.replace('198.18.', '198.19.').replace(/\.[0-9]+$/, '')
}

const linkDown = (organisation: Organisation) => onLaptop(organisation, `link set ${UPLINK} down`)
/** As a DHCP client does it: the link first, then the way out. */
const linkUp = (organisation: Organisation) =>
  onLaptop(
    organisation,
    `link set ${UPLINK} up`,
    `route replace default via ${uplinkOf(organisation)}.1`,
  )

/** Turns between two addresses of the network. */
async function changeAddress(organisation: Organisation): Promise<void> {
  const net = uplinkOf(organisation)
  const shown = await must([...organisation.lab.inLaptop, 'ip', '-4', 'addr', 'show', UPLINK])
  const [old, newer] = shown.includes(`${net}.2/`) ? ['2', '77'] : ['77', '2']
  await onLaptop(
    organisation,
    `addr del ${net}.${old}/24 dev ${UPLINK}`,
    `addr add ${net}.${newer}/24 dev ${UPLINK}`,
    `route replace default via ${net}.1`,
  )
}

const stop = async ({ daemon }: Organisation) => daemon.signal('SIGSTOP')
const wake = async ({ daemon }: Organisation) => daemon.signal('SIGCONT')
const silence = (how: 'add' | 'del') => async (organisation: Organisation) => {
  const { lab } = organisation
  await must([
    ...lab.inGateway,
    'ip',
    'rule',
    how,
    'to',
    `${uplinkOf(organisation)}.0/24`,
    'blackhole',
  ])
}

const portals = new WeakMap<Organisation, PortalLab>()
async function beginPortal(organisation: Organisation) {
  const portal = portals.get(organisation) ?? (await portalLab(organisation))
  portals.set(organisation, portal)
  await portal.begin()
}
const endPortal = async (organisation: Organisation) => portals.get(organisation)?.end()

async function endGateway(organisation: Organisation, signal: 'SIGTERM' | 'SIGKILL') {
  const gateway = organisation.gateway()
  gateway.signal(signal)
  await gateway.exited
}
const startGateway = (organisation: Organisation) => organisation.startGateway()
/** At once, as a successor that waits for the listeners to be free. */
async function replaceGateway(organisation: Organisation): Promise<void> {
  organisation.gateway().signal('SIGTERM')
  await organisation.startGateway()
}

/** As a DHCP client does it that got another server. Turns between two. */
async function changeDns(organisation: Organisation): Promise<void> {
  const net = uplinkOf(organisation)
  const { inLaptop } = organisation.lab
  const text = await must([...inLaptop, 'cat', '/etc/resolv.conf'])
  const server = text.includes(`${net}.1\n`) ? `${net}.9` : `${net}.1`
  const next = `# by dhclient\nnameserver ${server}\nsearch ${ZONE}\noptions attempts:1\n`
  await must([...inLaptop, 'sh', '-c', `printf '${next}' >/etc/resolv.conf`])
}

const HOURS = 3_600
const clock =
  (offsetSeconds: number) =>
  async ({ setClock }: Organisation) =>
    setClock(offsetSeconds)

const zt = (command: string) => (organisation: Organisation) => must([...organisation.zt, command])

const AWAY = ['network_unreachable', 'ping_timeout', 'network_changed', 'connect_timeout']

export const LAPTOP_EVENTS: readonly LaptopEvent[] = [
  {
    name: 'sleep',
    what: 'sleep and wake in the same network (the daemon does not run meanwhile)',
    ...{ openFlows: 'go on', withinSeconds: 3 },
    ...{ begin: stop, lastsMs: 4_000, end: wake },
  },
  {
    name: 'sleep and move',
    what: 'sleep, and wake with another address',
    ...{ openFlows: 'end', withinSeconds: 3 },
    begin: async (organisation) => {
      await stop(organisation)
      await changeAddress(organisation)
    },
    ...{ lastsMs: 4_000, end: wake },
  },
  {
    name: 'link flap',
    what: 'link down for 3 s',
    status: ['connecting', AWAY],
    ...{ openFlows: 'go on', withinSeconds: 3 },
    ...{ begin: linkDown, lastsMs: 3_000, end: linkUp },
  },
  {
    name: 'link down',
    what: 'link down for longer than 10 s',
    status: ['unreachable', AWAY],
    ...{ refusal: 'gateway_unreachable', openFlows: 'end', withinSeconds: 3 },
    ...{ begin: linkDown, lastsMs: LONG_MS, end: linkUp },
  },
  {
    name: 'address change',
    what: 'another address on the same link',
    status: ['connecting', AWAY],
    ...{ openFlows: 'end', withinSeconds: 3 },
    ...{ begin: changeAddress, lastsMs: 0, end: async () => {} },
  },
  {
    name: 'DNS server change',
    what: 'another DNS server in `/etc/resolv.conf`, from DHCP',
    ...{ openFlows: 'go on', withinSeconds: 3 },
    ...{ begin: changeDns, lastsMs: 1_000, end: async () => {} },
  },
  {
    name: 'clock forward',
    what: 'the clock jumps three hours ahead',
    ...{ openFlows: 'go on', withinSeconds: 3 },
    ...{ begin: clock(3 * HOURS), lastsMs: 4_000, end: async () => {} },
  },
  {
    name: 'clock back',
    what: 'the clock jumps six hours back, and is then put right',
    ...{ openFlows: 'go on', withinSeconds: 3 },
    ...{ begin: clock(-3 * HOURS), lastsMs: 4_000, end: clock(0) },
  },
  {
    name: 'gateway replaced',
    what: 'the gateway is told to stop, and another takes its place while it drains: what is open goes on for up to 30 s',
    ...{ openFlows: 'go on', withinSeconds: 3 },
    ...{ begin: replaceGateway, lastsMs: 0, end: async () => {} },
  },
  {
    name: 'gateway restart',
    what: 'the gateway is stopped, which takes up to 30 s while connections are open, and started again',
    status: ['connecting', ['gateway_draining', 'connection_refused', 'connection_lost']],
    ...{ refusal: 'gateway_unreachable', openFlows: 'end', withinSeconds: 3 },
    ...{ begin: (all) => endGateway(all, 'SIGTERM'), lastsMs: 0, end: startGateway },
  },
  {
    name: 'gateway crash',
    what: 'the gateway is killed, and started again after 20 s',
    status: ['unreachable', ['connection_refused', 'connection_lost']],
    ...{ refusal: 'gateway_unreachable', openFlows: 'end', withinSeconds: 3 },
    ...{ begin: (all) => endGateway(all, 'SIGKILL'), lastsMs: LONG_MS, end: startGateway },
  },
  {
    name: 'gateway silent',
    what: 'nothing comes back from the gateway, and nobody says so',
    status: ['unreachable', ['ping_timeout', 'connect_timeout']],
    ...{ refusal: 'gateway_unreachable', openFlows: 'end', withinSeconds: 10 },
    ...{ begin: silence('add'), lastsMs: LONG_MS + 4_000, end: silence('del') },
  },
  {
    name: 'captive portal',
    what: "a captive portal answers in the gateway's place, until the user has logged in there",
    status: ['unreachable', ['captive_portal']],
    ...{ refusal: 'gateway_unreachable', openFlows: 'end', withinSeconds: 3 },
    ...{ begin: beginPortal, lastsMs: LONG_MS, end: endPortal },
  },
  {
    name: 'switched off',
    what: '`zt down`, then `zt up`',
    status: ['down', []],
    ...{ refusal: 'down', openFlows: 'end', withinSeconds: 3 },
    ...{ begin: zt('down'), lastsMs: 500, end: zt('up') },
  },
]

/** Waits as long as the event lasts. */
export const outlast = ({ lastsMs }: LaptopEvent): Promise<void> => pause(lastsMs)
