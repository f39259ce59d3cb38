/**
 * What a permit grants inside a session, asked question by question. Several grants must all agree.
 */
import { parseHost } from '#lib/net/endpoint'
import { matchesHost } from '#lib/net/host-pattern'
import { ALL_PORTS, portsContain, portsCover } from '#lib/net/ports'
import { prefixContains } from '#lib/net/prefix'
import type { Destination } from '../../policy/destination.ts'
import type { ForwardDestination, SftpRules, SshGrant, SshVerb } from '../../policy/ssh-grant.ts'
import type { TargetExtension } from '../login/ca.ts'
import type { ForwardTarget } from './forward-target.ts'
import { matchesPattern } from './text-pattern.ts'

/**
 * Names that only say how text is shown. Never what a program loads or trusts (LD_*, BASH_ENV, PATH, SSH_*: T47).
 * GIT_PROTOCOL is how git asks for its second protocol version over ssh.
 */
const HARMLESS_VARIABLE =
  /^(?:LANG|LANGUAGE|LC_[A-Z0-9_]{1,60}|TERM|COLORTERM|TERM_PROGRAM(?:_VERSION)?|NO_COLOR|GIT_PROTOCOL)$/
/** With these a shell begins another command, opens a file, or puts the output of one in place. */
const BEGINS_COMMAND = /[;&|<>()`$\\\n\r\0]/
/** A comment takes away what stands behind it; quotes do that to what stands up to their end. */
const BEGINS_COMMENT = /(?:^|\s)#/
const QUOTED = /'[^']*'|"[^"]*"/g
const QUOTE = /['"]/
/** Text behind which a command is not what its pattern reads as. */
const HARMFUL_IN_COMMAND = {
  test: (text: string): boolean =>
    BEGINS_COMMAND.test(text) ||
    BEGINS_COMMENT.test(text) ||
    QUOTE.test(text.replaceAll(QUOTED, '')),
}
/** Parts of a path that lead out of where a pattern seems to end. */
const LEADS_AWAY = /(?:^|\/)\.{1,2}(?:\/|$)|\0/

export class Grants {
  readonly #all: readonly SshGrant[]

  constructor(grants: readonly [SshGrant, ...SshGrant[]]) {
    this.#all = grants
  }

  allows(verb: SshVerb): boolean {
    return this.#all.every(({ allow }) => allow.includes(verb))
  }

  /** Whether an exec string is one of those that are listed, where they are. */
  listsCommand(command: string): boolean {
    return this.#all.every(
      ({ execPatterns }) =>
        execPatterns?.some((pattern) => matchesPattern(pattern, command, HARMFUL_IN_COMMAND)) ??
        true,
    )
  }

  listsVariable(name: string): boolean {
    return HARMLESS_VARIABLE.test(name) || this.#all.every(({ env }) => env.includes(name))
  }

  listsSubsystem(name: string): boolean {
    return this.#all.every(({ subsystems }) => subsystems.includes(name))
  }

  /** Whether the user may reach that from the target. */
  reaches(target: ForwardTarget): boolean {
    return this.#all.every(({ localForward }) => anyMatches(localForward, target))
  }

  /** Whether the target may listen there for the user. */
  listensAt(target: ForwardTarget): boolean {
    return this.#all.every(({ remoteForward }) => anyMatches(remoteForward, target))
  }

  /** Whether SSH inside a forwarding passes unseen. */
  get opaqueNested(): boolean {
    return this.#all.every(({ nested }) => nested === 'opaque')
  }

  get recordForwards(): boolean {
    return this.#all.some(({ recordForwards }) => recordForwards)
  }

  /** Whether shells are started so that they mark their commands. */
  get marksCommands(): boolean {
    return this.#all.some(({ commandMarks }) => commandMarks === 'osc133')
  }

  get sftpRules(): readonly SftpRules[] {
    return this.#all.flatMap(({ sftp }) => (sftp === undefined ? [] : [sftp]))
  }

  /** What a certificate for the target must permit, and no more. */
  get extensions(): readonly TargetExtension[] {
    const forwards = (['localForward', 'remoteForward'] as const).some((list) =>
      this.#all.every((grant) => grant[list].length > 0),
    )
    return [
      ...(this.allows('pty') ? (['permit-pty'] as const) : []),
      ...(forwards || this.allows('jump') ? (['permit-port-forwarding'] as const) : []),
      ...(this.allows('agent') ? (['permit-agent-forwarding'] as const) : []),
      ...(this.allows('x11') ? (['permit-X11-forwarding'] as const) : []),
    ]
  }
}

/** Whether one of the destinations is meant by what a peer named. */
export function anyMatches(
  destinations: readonly ForwardDestination[],
  target: ForwardTarget,
): boolean {
  return destinations.some((one) => {
    if (one.kind === 'tcp') return target.kind === 'tcp' && leadsTo(one.destination, target)
    if (target.kind !== 'unix' || LEADS_AWAY.test(target.path)) return false
    return matchesPattern(one.pattern, target.path, /\0/)
  })
}

/** A host in a form that we do not know is covered by `*` only; port 0 is any port that the target chooses. */
function leadsTo(
  { host, ports }: Destination,
  target: { readonly host: string; readonly port: number },
): boolean {
  const isAnyPort = target.port === 0 && portsCover(ports, ALL_PORTS)
  if (!isAnyPort && !portsContain(ports, target.port)) return false
  if (host.kind === 'any') return true
  const named = parseHost(target.host)
  if (!named.ok) return false
  if (host.kind === 'prefix') {
    return named.value.kind === 'address' && prefixContains(host.prefix, named.value.address)
  }
  return named.value.kind === 'name' && matchesHost(host.pattern, named.value.name)
}
