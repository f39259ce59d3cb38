/**
 * What a policy says that is seldom meant. A warning changes nothing: the policy is in force as written.
 */
import { type Mistake, type Path, quote } from '#lib/config/mistake'
import { isMapping } from '#lib/config/shape'
import { parseDestination } from './destination.ts'
import { conditionsOf, type Item, items, selectorsIn } from './raw-policy.ts'
import { DEFAULT_SSH_GRANT } from './ssh-grant.ts'

/** Kinds of which somebody has one value, or of which several are seldom asked for at once. */
const ONE_OF = [
  'email',
  'email_domain',
  'group',
  'login_method',
  'auth_context',
  'device_id',
  'ip_range',
  'country',
  'service_token',
]

/** All warnings, in the order of the text. Never throws. */
export function policyWarnings(policy: unknown, path: Path): Mistake[] {
  if (!isMapping(policy)) return []
  return [
    ...items(policy, 'applications', path).flatMap(rulesWalkedRound),
    ...(policy['quic'] === 'allow' ? [] : items(policy, 'applications', path).flatMap(quicBlocked)),
    ...conditionsOf(policy, path).flatMap((one) => [
      ...requiresSeveral(one),
      ...admitsNoService(one),
    ]),
  ]
}

/** `require` with several values of a kind: all of them must hold, where most people mean any. */
function requiresSeveral(condition: Item): Mistake[] {
  const written = items(condition.value, 'require', condition.path)
  return ONE_OF.flatMap((kind) => {
    const same = written.filter(({ value }) => Object.hasOwn(value, kind))
    const [, second] = same
    if (second === undefined) return []
    const selectors = same.map(({ value }) => `{ ${kind}: ${String(value[kind])} }`).join(', ')
    const message = `require asks for every ${quote(kind)} at once; if any is meant, write { any_of: [${selectors}] }`
    return [{ path: second.path, message }]
  })
}

/** `everyone` are persons. */
function admitsNoService(condition: Item): Mistake[] {
  const included = selectorsIn(condition, 'include')
  const persons = included.every(({ key }) => key === 'everyone')
  if (condition.value['decision'] !== 'service' || !persons) return []
  const message = 'everyone are persons; for any service, write { service_token: any }'
  return [{ path: [...condition.path, 'include'], message }]
}

/** UDP that an application opens, and that `quic` closes again. */
function quicBlocked({ value, path }: Item): Mistake[] {
  const { protocol, destinations } = value
  const isWeb = protocol === 'http' || protocol === 'tls'
  return (isWeb && Array.isArray(destinations) ? destinations : []).flatMap((text, index) => {
    const parsed = parseDestination(String(text))
    if ('wrong' in parsed || parsed.value.transport !== 'udp') return []
    const message = `"quic: block" refuses this; for HTTP/3, write "quic: allow" into the policy`
    return [{ path: [...path, 'destinations', index], message }]
  })
}

/** Rules on SFTP requests or on commands mean nothing to somebody who can do the same in a shell. */
function rulesWalkedRound({ value, path }: Item): Mistake[] {
  const { ssh } = value
  if (!isMapping(ssh)) return []
  const { allow = DEFAULT_SSH_GRANT.allow } = ssh
  const others = ['shell', 'exec'].filter((verb) => Array.isArray(allow) && allow.includes(verb))
  const listed = Object.hasOwn(ssh, 'exec_patterns')
  const around = listed ? others.filter((verb) => verb !== 'exec') : others
  if (around.length === 0) return []
  return ['sftp', 'exec_patterns']
    .filter((key) => Object.hasOwn(ssh, key))
    .map((key) => ({
      path: [...path, 'ssh', key],
      message: `${around.join(' and ')} may do what these rules refuse; without, write allow: [${without(allow, around)}]`,
    }))
}

function without(allow: unknown, verbs: readonly string[]): string {
  return Array.isArray(allow) ? allow.filter((verb) => !verbs.includes(verb)).join(', ') : ''
}
