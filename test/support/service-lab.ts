/** The user, rights and rules of packaging/, on a machine of a test. */
import { readFileSync } from 'node:fs'
import type { WholeMachine } from './whole-machine.ts'

export const UNIT = 'packaging/zt.service'
export const POLKIT_RULE = 'packaging/50-zt.rules'
/** Of the unit’s user, on machines of tests. */
export const SERVICE_UID = 990

/** Values of a key of the unit, in their order. */
export function unitValues(key: string): readonly string[] {
  const lines = readFileSync(UNIT, 'utf8').split('\n')
  return lines
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1))
}

/** argv before a program that runs it as the unit does: its user, and no right but the unit's. */
export function asService(): readonly string[] {
  const rights = unitValues('AmbientCapabilities').join(' ').toLowerCase().split(' ')
  const caps = ['-all', ...rights.map((one) => one.replace('cap_', '+'))].join(',')
  return [
    ...[
      'setpriv',
      `--reuid=${SERVICE_UID}`,
      `--regid=${SERVICE_UID}`,
      '--clear-groups',
      '--no-new-privs',
    ],
    ...[`--inh-caps=${caps}`, `--ambient-caps=${caps}`, `--bounding-set=${caps}`],
  ]
}

/** Makes the user, and /dev/net/tun as udev does. */
export async function addService(machine: WholeMachine): Promise<void> {
  const [user] = unitValues('User')
  await machine.sh(`echo ${user}:x:${SERVICE_UID}:${SERVICE_UID}::/:/usr/sbin/nologin >>/etc/passwd
    echo ${user}:x:${SERVICE_UID}: >>/etc/group
    mount -t tmpfs none /dev/net
    mknod -m 0666 /dev/net/tun c 10 200`)
}

const IS_POLKIT_THERE =
  'dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner string:org.freedesktop.PolicyKit1'

/** Starts polkitd beside systemd-resolved. @param rule text of a rule that is installed. */
export async function startPolkit(machine: WholeMachine, rule?: string): Promise<void> {
  await machine.sh('mkdir -p /etc/polkit-1/rules.d')
  if (rule !== undefined) {
    await machine.sh(`cat >/etc/polkit-1/rules.d/50-zt.rules <<'END'\n${rule}\nEND`)
  }
  machine.start('/usr/lib/polkit-1/polkitd', '--no-debug')
  await machine.sh(`until ${IS_POLKIT_THERE} | grep -q true; do :; done`)
}
