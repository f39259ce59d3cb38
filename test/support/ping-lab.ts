/**
 * A gateway's end of ping in a namespace of its own, beside a router with addresses that answer, and some that do not:
 *
 *   10.77.0.2, fd77::2 ── 10.77.0.1, fd77::1 (router) ─┬─ 10.78.0.0/24 unreachable, 10.79.0.0/24 and fd79::/64 prohibited
 *                                                      └─ 10.80.0.0/24 further on: at the end of its hops
 */
import { closeSync, openSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import koffi from 'koffi'
import { createDialIcmp } from '../../gateway/enforce/dial-icmp-client.ts'
import type { FlowServerDeps } from '../../gateway/enforce/flow-deps.ts'
import { runProgram } from './run-program.ts'
import { type MemoryLog, memoryLog } from './tunnel.ts'

export type PingLab = {
  /** The gateway's dialler, as from its namespace. */
  readonly dialIcmp: FlowServerDeps['dialIcmp']
  readonly log: MemoryLog
  /** Changes the gateway's namespace. */
  sysctl(setting: string): Promise<void>
  /** `ip`, at the router. */
  router(command: string): Promise<void>
}

const CLONE_NEWNET = 0x40000000
const setns = koffi.load(null).func('int setns(int fd, int type)')
let made = 0

/** Needs root; what it makes is removed with the test. */
export async function pingLab(
  t: ExecutionContext,
  { groups = '0 2147483647' } = {},
): Promise<PingLab> {
  const number = `${process.pid}-${made++}`
  const [gateway, router] = [`ztp-${number}-g`, `ztp-${number}-r`]
  t.teardown(async () => {
    for (const name of [gateway, router]) await runProgram(['ip', 'netns', 'del', name])
  })
  for (const command of [
    `netns add ${gateway}`,
    `netns add ${router}`,
    `-n ${gateway} link add v0 type veth peer name v1 netns ${router}`,
    `-n ${gateway} addr add 10.77.0.2/24 dev v0`,
    `-n ${router} addr add 10.77.0.1/24 dev v1`,
    `-n ${gateway} addr add fd77::2/64 dev v0 nodad`,
    `-n ${router} addr add fd77::1/64 dev v1 nodad`,
    ...[gateway, router].map((name) => `-n ${name} link set lo up`),
    `-n ${gateway} link set v0 up`,
    `-n ${router} link set v1 up`,
    ...[78, 79, 80].map((net) => `-n ${gateway} route add 10.${net}.0.0/24 via 10.77.0.1`),
    `-n ${gateway} route add fd79::/64 via fd77::1`,
    `-n ${router} route add unreachable 10.78.0.0/24`,
    `-n ${router} route add prohibit 10.79.0.0/24`,
    `-n ${router} route add prohibit fd79::/64`,
    `-n ${router} route add 10.80.0.0/24 via 10.77.0.2`,
  ]) {
    await must(['ip', ...command.split(' ')])
  }
  const set = (name: string, setting: string) =>
    must(['ip', 'netns', 'exec', name, 'sysctl', '-qw', setting])
  await set(router, 'net.ipv4.ip_forward=1')
  await set(router, 'net.ipv6.conf.all.forwarding=1')
  await set(gateway, `net.ipv4.ping_group_range=${groups}`)
  const log = memoryLog()
  const dial = createDialIcmp(log)
  return {
    // A socket stays in the namespace in which it was made, and it is made before the first wait.
    dialIcmp: (...to) => inNamespace(gateway, () => dial(...to)),
    log,
    sysctl: (setting) => set(gateway, setting),
    router: (command) => must(['ip', '-n', router, ...command.split(' ')]),
  }
}

async function must(argv: readonly string[]): Promise<void> {
  const done = await runProgram(argv)
  if (done.code !== 0) throw new Error(`${argv.join(' ')}: ${done.stderr}`)
}

/** Runs what does not wait with this thread in a namespace. */
function inNamespace<T>(name: string, work: () => T): T {
  const own = openSync('/proc/thread-self/ns/net', 'r')
  const other = openSync(`/run/netns/${name}`, 'r')
  try {
    if (setns(other, CLONE_NEWNET) !== 0) throw new Error(`setns: ${name}`)
    return work()
  } finally {
    setns(own, CLONE_NEWNET)
    closeSync(own)
    closeSync(other)
  }
}
