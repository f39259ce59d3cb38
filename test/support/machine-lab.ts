/** A machine with a public name server, where our programs run. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ExecutionContext } from 'ava'
import { batch, routing } from './namespace-machine.ts'
import { type WholeMachine, wholeMachine } from './whole-machine.ts'

const PROCESS = join(import.meta.dirname, 'machine-process.js')
const MAIN = join(import.meta.dirname, '../../daemon/main.js')
/** Debian's systemd-resolved, unpacked and not installed: see scripts/setup. */
const UNPACKED = join(import.meta.dirname, '../../../node_modules/.cache/systemd-resolved')

export const PUBLIC = { name: 'public.example', address: '198.51.100.7' }
export const SERVER = '192.0.2.53'

/** It serves {@link PUBLIC} at {@link SERVER}. */
export async function machineWithDns(t: ExecutionContext): Promise<WholeMachine> {
  const machine = await wholeMachine(t, `# by hand\nnameserver ${SERVER}\nsearch home.arpa\n`)
  await batch(machine, '-4', [
    // systemd-resolved asks nobody while no link has a carrier.
    'link set lan1 up',
    ...['address add 192.0.2.53/32 dev lo', 'address add 192.0.2.54/32 dev lo'],
    'route add default via 192.0.2.1',
  ])
  const server = machine.start(
    ...['dnsmasq', '--no-daemon', '--no-resolv', '--no-hosts', '--conf-file=/dev/null'],
    ...['--bind-interfaces', '--except-interface=zt0', '--pid-file=', '--user=root'],
    ...[`--listen-address=${SERVER}`, '--listen-address=192.0.2.54'],
    `--address=/${PUBLIC.name}/${PUBLIC.address}`,
  )
  while ((await look(machine, PUBLIC.name)) !== PUBLIC.address) {
    if (server.exitCode !== null) throw new Error('dnsmasq ended')
  }
  return machine
}

/** What the C library makes of a name, for a user; empty: nothing. */
export async function look(machine: WholeMachine, name: string, uid = 1000): Promise<string> {
  const as = ['setpriv', `--reuid=${uid}`, '--regid=1000', '--clear-groups']
  const { stdout } = await machine.run(...as, 'getent', 'ahostsv4', name)
  return stdout.split(/\s/)[0] ?? ''
}

/** Lines of all rules and routes, without those of addresses that links make for themselves (RFC 4862). */
export async function routingOf(machine: WholeMachine): Promise<readonly string[]> {
  const lines = (await routing(machine)).flatMap((text) => text.split('\n'))
  return lines.filter((line) => !/fe80:|ff00:/.test(line))
}

export type Running = {
  readonly child: ChildProcess
  /** The mode, or the refusal. */
  readonly said: string
  readonly ask: (line: string) => Promise<string>
  readonly kill: () => Promise<void>
}

/** Starts the machine part of the daemon. @param setting its arguments, see ./machine-process.ts. */
export async function startMachinePart(
  machine: WholeMachine,
  setting = 'auto',
  as: readonly string[] = [],
): Promise<Running> {
  const child = machine.start(...as, process.execPath, PROCESS, ...setting.split(' '))
  if (child.stdout === null) throw new Error('no stdout')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async () => String((await lines.next()).value)
  const ended = once(child, 'exit')
  const said = await answer()
  return {
    ...{ child, said },
    ask: (line) => {
      child.stdin?.write(`${line}\n`)
      return answer()
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** `zt-daemon undo`, as the unit runs it when the daemon is gone. */
export function undo(machine: WholeMachine, as: readonly string[] = []) {
  return machine.run(...as, process.execPath, MAIN, 'undo')
}

const BUS = `<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen>
<auth>EXTERNAL</auth><policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
<allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/>
<allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/></policy></busconfig>`

/** Starts a message bus and systemd-resolved, which becomes what programs ask. */
export async function startResolved(machine: WholeMachine): Promise<() => Promise<void>> {
  await machine.sh(`mount -t overlay -o lowerdir=${UNPACKED}/usr:/usr overlay /usr
    grep -q systemd-resolve /etc/passwd || echo systemd-resolve:x:991:991::/:/usr/sbin/nologin >>/etc/passwd
    grep -q systemd-resolve /etc/group || echo systemd-resolve:x:991: >>/etc/group
    mkdir -p /run/dbus /run/systemd/resolve /etc/systemd
    chown 991:991 /run/systemd/resolve
    printf '[Resolve]\\nDNS=${SERVER}\\nDNSSEC=no\\nLLMNR=no\\n' >/etc/systemd/resolved.conf
    echo '${BUS}' >/etc/bus.conf
    ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf`)
  const bus = machine.start('dbus-daemon', '--config-file=/etc/bus.conf', '--nofork', '--nopidfile')
  await machine.sh('until [ -S /run/dbus/system_bus_socket ]; do :; done')
  const restart = async () => {
    const resolved = machine.start(join(UNPACKED, 'lib/systemd/systemd-resolved'))
    await machine.sh('until resolvectl dns >/dev/null 2>&1; do :; done')
    stop = async () => {
      const ended = once(resolved, 'exit')
      resolved.kill('SIGTERM')
      await ended
    }
  }
  let stop = async (): Promise<void> => undefined
  await restart()
  if (bus.exitCode !== null) throw new Error('dbus-daemon ended')
  return async () => {
    await stop()
    await machine.sh('rm -rf /run/systemd/resolve/netif')
    await restart()
  }
}
