/** Why a program cannot be run inside: stable reasons, each with its cause and what to do. Pure. */
import type { TunRefusal } from '../intercept/tun-os.ts'

export type InsideReason =
  | 'koffi_absent'
  | 'tun_absent'
  | 'tun_closed_to_users'
  | 'ip_absent'
  | 'setpriv_absent'
  | 'namespace_refused'
  | 'resolv_conf_refused'

const SENTENCES: Readonly<Record<InsideReason, string>> = {
  koffi_absent:
    'The npm package koffi is not installed, or not made for this system. Install zt with its optional dependencies',
  tun_absent:
    'There is no /dev/net/tun. Load the module: "modprobe tun"; in a container pass --device /dev/net/tun',
  tun_closed_to_users:
    '/dev/net/tun is not open to this user. Make it mode 0666, as udev does by default: "chmod 0666 /dev/net/tun"',
  ip_absent: 'There is no program "ip". Install iproute2',
  setpriv_absent: 'There is no program "setpriv". Install util-linux',
  namespace_refused:
    'This system does not let a user set a network up in a namespace of its own. See "zt doctor"',
  resolv_conf_refused:
    'No /etc/resolv.conf of its own can be put in front of the program. Make sure that the file is there',
}

export type InsideRefusal = { readonly reason: InsideReason; readonly detail?: string }

/** As a line on standard error. */
export function printRefusal({ reason, detail }: InsideRefusal): string {
  const cause = detail === undefined ? '' : `: ${detail}`
  return `zt: ${SENTENCES[reason]}${cause}. (${reason})\n`
}

/** What a refusal of the device means here. */
export function tunRefusal({ reason, detail }: TunRefusal): InsideRefusal {
  if (reason === 'koffi_absent') return { reason }
  if (reason === 'no_tun_device') return { reason: 'tun_absent', detail }
  return { reason: 'tun_closed_to_users', detail }
}
