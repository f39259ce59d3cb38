/**
 * Checks of whom programs ask about names, and how questions for private ones reach the daemon. Pure.
 */
import { asksResolved } from '../machine/dns-plan.ts'
import { nameserversOf, resolvConfOwner } from '../machine/resolv-conf.ts'
import { defineCheck, fine, notChecked, problem, warning } from './check.ts'
import { NO_LOOK } from './check-machine.ts'

export const RESOLVER = defineCheck({
  name: 'resolver',
  looksAt: '/etc/resolv.conf, and whether systemd-resolved is asked',
  codes: {
    resolver_is_resolved: fine(
      'Programs ask systemd-resolved, which can be told which names are ours.',
    ),
    resolved_unused: warning(
      'systemd-resolved runs, and programs do not ask it: what it is told of private names has no effect.',
      'Let /etc/resolv.conf be a link to /run/systemd/resolve/stub-resolv.conf.',
    ),
    resolver_is_resolv_conf: fine('Programs ask the servers that /etc/resolv.conf names.'),
    resolver_is_zt: fine('Programs ask the daemon first, by /etc/resolv.conf.'),
    resolver_left_behind: problem(
      'A daemon that was killed left its /etc/resolv.conf; the servers behind it answer.',
      'Run "zt-daemon undo" as root, or start the daemon.',
    ),
    resolver_none: problem(
      '/etc/resolv.conf names no server.',
      'Find out what manages it (NetworkManager, resolvconf, dhclient) and restart that.',
    ),
    resolver_unknown: NO_LOOK,
  },
  judge: ({ machine, status }) => {
    if (machine === undefined) return [['resolver_unknown']]
    const owner = resolvConfOwner(machine.resolvConf)
    if (owner === 'zt') return [[status ? 'resolver_is_zt' : 'resolver_left_behind']]
    const servers = nameserversOf(machine.resolvConf)
    const detail = `${servers.join(', ')}${owner === 'unknown' ? '' : ` (by ${owner})`}`
    if (servers.length === 0) return [['resolver_none']]
    if (!machine.resolved) return [['resolver_is_resolv_conf', detail]]
    return [[asksResolved(machine.resolvConf) ? 'resolver_is_resolved' : 'resolved_unused', detail]]
  },
})

export const PRIVATE_NAMES = defineCheck({
  name: 'private_names',
  looksAt: 'how questions about private names reach the daemon',
  transparentOnly: true,
  codes: {
    names_by_resolved: fine('systemd-resolved asks the daemon for private names.'),
    names_by_port53: fine('What users ask of port 53 of any server comes to the daemon.'),
    names_without_polkit: warning(
      'systemd-resolved takes no names from the daemon; what users ask of port 53 comes to it in its place.',
      'Install the polkit rule packaging/50-zt.rules, and restart the daemon.',
    ),
    names_without_own_user: warning(
      'What users ask of port 53 of any server comes to the daemon, but for what its own user asks.',
      'Run the daemon as a user of its own, as its service does, or set "dns" to resolv_conf in its configuration.',
    ),
    names_by_resolv_conf: fine('/etc/resolv.conf names the daemon first.'),
    names_off: fine('Nothing leads questions about names to the daemon, as its settings say.'),
    names_missing: problem(
      'Questions about private names do not reach the daemon; private addresses do.',
      'Take away what the detail names, or choose another way by "dns" in the configuration of the daemon.',
    ),
    names_unknown: notChecked('Only a daemon that takes traffic takes questions about names.'),
  },
  judge: ({ status }) => {
    const { mode, reason, detail } = status?.transparent?.resolver ?? {}
    if (mode === 'port53' && reason === 'resolved_not_permitted') return [['names_without_polkit']]
    if (reason === 'own_user_left_out') return [['names_without_own_user', detail]]
    if (mode === 'off') return [['names_off']]
    if (mode !== undefined) return [[`names_by_${mode}`]]
    if (reason === undefined) return [['names_unknown']]
    return [['names_missing', detail ?? reason]]
  },
})
