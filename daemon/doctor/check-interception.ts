/**
 * Checks of what transparent mode and `zt run` stand on: the TUN device and our rights to it, user namespaces. Pure.
 */
import { NAMESPACE_OBSTACLES, namespaceObstacle } from '#lib/namespace/obstacle'
import { defineCheck, fine, problem, warning } from './check.ts'

export const TUN = defineCheck({
  name: 'tun',
  looksAt: '/dev/net/tun, the npm package koffi, and the capability CAP_NET_ADMIN',
  transparentOnly: true,
  codes: {
    tun_usable: fine('A TUN device can be made.'),
    koffi_absent: problem(
      'The npm package koffi is not installed, or not made for this system.',
      'Install zt with its optional dependencies; proxy mode goes on without.',
    ),
    tun_absent: problem(
      'There is no /dev/net/tun.',
      'Load the module: "modprobe tun"; in a container pass --device /dev/net/tun.',
    ),
    tun_not_permitted: problem(
      'The daemon may not open /dev/net/tun.',
      'Run it by the systemd unit, which has DeviceAllow=/dev/net/tun.',
    ),
    net_admin_missing: problem(
      'The daemon lacks the capability CAP_NET_ADMIN.',
      'Run it by the systemd unit, which has AmbientCapabilities=CAP_NET_ADMIN CAP_CHOWN.',
    ),
  },
  judge: ({ interception: { koffi, tunDevice, netAdmin } }) => {
    if (!koffi) return [['koffi_absent']]
    if (tunDevice === 'absent') return [['tun_absent']]
    if (tunDevice === 'not_permitted') return [['tun_not_permitted']]
    return [[netAdmin ? 'tun_usable' : 'net_admin_missing']]
  },
})

export const USER_NAMESPACES = defineCheck({
  name: 'user_namespaces',
  looksAt:
    'whether "zt run" may make user namespaces and open /dev/net/tun in them, and has the programs for it',
  codes: {
    user_namespaces_usable: fine('Programs can be run in a namespace of their own.'),
    user_namespaces_off: warning(...NAMESPACE_OBSTACLES.user_namespaces_off),
    user_namespaces_restricted: warning(...NAMESPACE_OBSTACLES.user_namespaces_restricted),
    tun_closed_to_users: warning(
      '/dev/net/tun is not open to users: "zt run" does not work.',
      'Make it mode 0666, as udev does by default: "chmod 0666 /dev/net/tun".',
    ),
    run_programs_absent: warning(
      'Programs are not installed that "zt run" needs.',
      'Install util-linux for unshare and setpriv, iproute2 for ip.',
    ),
  },
  judge: ({ interception: { namespaces, tunOpenToUsers, missingPrograms } }) => {
    const obstacle = namespaceObstacle(namespaces)
    if (obstacle !== undefined) return [[obstacle]]
    if (missingPrograms.length > 0) return [['run_programs_absent', missingPrograms.join(', ')]]
    return [[tunOpenToUsers ? 'user_namespaces_usable' : 'tun_closed_to_users']]
  },
})
