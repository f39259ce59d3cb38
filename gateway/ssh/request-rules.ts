/**
 * What each request of RFC 4254 needs as a verb, means for the record, and names as its target.
 * A name that stands in no table is refused: ./policy-verbs.ts.
 */
import type { SessionEvent } from '#lib/recording/session-event'
import { SshReader } from '#lib/ssh/reader'

/** What a permit can grant inside an SSH session. Forwardings, agent and X11 have no verb to grant yet. */
export type SshVerb = 'shell' | 'exec' | 'sftp' | 'pty' | 'env' | 'signal'

/** Why something inside a session was refused; stable, stands in the recording and in the log. */
export type RefusalReason =
  | 'verb_not_granted'
  | 'unknown_type'
  | 'env_not_listed'
  | 'second_program'
  | 'too_many_channels'
  | 'opened_by_target'

/** What a request needs and means. */
export type RequestMeaning = {
  /** Verb it needs; none when it harms nothing. */
  readonly verb?: SshVerb
  /** Set when no verb can allow it. */
  readonly refusal?: RefusalReason
  /** Subsystem, variable or command it names. */
  readonly target?: string
  readonly event?: SessionEvent
  /** Set when it starts the program of its channel; at most one can succeed (RFC 4254 section 6.5). */
  readonly program?: 'shell' | 'exec' | 'sftp'
}

/** Reads the fields of one kind of request; who calls it asks the reader whether they were all there. */
type RequestRule = (reader: SshReader, channel: number) => RequestMeaning

/**
 * Names that only say how text is shown. Never what a program loads or trusts (LD_*, BASH_ENV, PATH, SSH_*: T47).
 * GIT_PROTOCOL is how git asks for its second protocol version over ssh.
 */
const ENVIRONMENT =
  /^(?:LANG|LANGUAGE|LC_[A-Z0-9_]{1,60}|TERM|COLORTERM|TERM_PROGRAM(?:_VERSION)?|NO_COLOR|GIT_PROTOCOL)$/

const harmless: RequestRule = () => ({})
const neverGranted: RequestRule = () => ({ refusal: 'verb_not_granted' })

/** CHANNEL_REQUESTs of the user (RFC 4254 sections 6.2 to 6.9, RFC 4335, OpenSSH PROTOCOL section 2). */
export const USER_REQUESTS: ReadonlyMap<string, RequestRule> = new Map<string, RequestRule>([
  ['pty-req', readPty],
  ['env', readEnvironment],
  [
    'shell',
    (_, channel) => ({ verb: 'shell', program: 'shell', event: { type: 'shell', channel } }),
  ],
  ['exec', readExec],
  ['subsystem', readSubsystem],
  ['window-change', readResize],
  ['signal', (reader, channel) => signal(channel, text(reader))],
  ['break', readBreak],
  ['eow@openssh.com', harmless],
  ['keepalive@openssh.com', harmless],
  ['auth-agent-req@openssh.com', neverGranted],
  ['x11-req', neverGranted],
])

/** CHANNEL_REQUESTs of the target (RFC 4254 sections 6.8 and 6.10). */
export const TARGET_REQUESTS: ReadonlyMap<string, RequestRule> = new Map<string, RequestRule>([
  ['exit-status', readExitStatus],
  ['exit-signal', readExitSignal],
  ['xon-xoff', readFlowControl],
  ['eow@openssh.com', harmless],
  ['keepalive@openssh.com', harmless],
])

/** GLOBAL_REQUESTs that pass; `hostkeys-00@openssh.com` must not: the user would learn keys we do not hold. */
export const GLOBAL_REQUESTS = {
  user: new Set(['keepalive@openssh.com', 'no-more-sessions@openssh.com']),
  target: new Set(['keepalive@openssh.com']),
} as const

function readPty(reader: SshReader, channel: number): RequestMeaning {
  const [term, columns, rows] = [text(reader), reader.uint32(), reader.uint32()]
  skipPixels(reader)
  reader.string() // terminal modes
  return { verb: 'pty', event: { type: 'pty', channel, term, columns, rows } }
}

function readResize(reader: SshReader, channel: number): RequestMeaning {
  const [columns, rows] = [reader.uint32(), reader.uint32()]
  skipPixels(reader)
  return { verb: 'pty', event: { type: 'resize', channel, columns, rows } }
}

function skipPixels(reader: SshReader): void {
  reader.uint32()
  reader.uint32()
}

function readEnvironment(reader: SshReader, channel: number): RequestMeaning {
  const [name, value] = [text(reader), text(reader)]
  if (!ENVIRONMENT.test(name)) return { refusal: 'env_not_listed', target: name }
  return { verb: 'env', target: name, event: { type: 'env', channel, name, value } }
}

function readExec(reader: SshReader, channel: number): RequestMeaning {
  const command = text(reader)
  return {
    verb: 'exec',
    target: command,
    program: 'exec',
    event: { type: 'exec', channel, command },
  }
}

function readSubsystem(reader: SshReader, channel: number): RequestMeaning {
  const name = text(reader)
  if (name !== 'sftp') return { refusal: 'verb_not_granted', target: name }
  return {
    verb: 'sftp',
    target: name,
    program: 'sftp',
    event: { type: 'subsystem', channel, name },
  }
}

function readBreak(reader: SshReader, channel: number): RequestMeaning {
  reader.uint32() // length in milliseconds
  return signal(channel, 'BREAK')
}

function signal(channel: number, name: string): RequestMeaning {
  return { verb: 'signal', event: { type: 'signal', channel, name } }
}

function readExitStatus(reader: SshReader, channel: number): RequestMeaning {
  return { event: { type: 'exit_status', channel, code: reader.uint32() } }
}

function readExitSignal(reader: SshReader, channel: number): RequestMeaning {
  const [name, coreDumped] = [text(reader), reader.boolean()]
  reader.string() // message
  reader.string() // language
  return { event: { type: 'exit_signal', channel, name, coreDumped } }
}

function readFlowControl(reader: SshReader): RequestMeaning {
  reader.boolean() // the client itself may handle ^S and ^Q
  return {}
}

/** Commands and paths need not be UTF-8: the event shows a replacement, the target gets the octets as they are. */
function text(reader: SshReader): string {
  return reader.string().toString('utf8')
}

/** Channel types and global requests that begin with an address and a port, or with a path. */
const FORWARDS: ReadonlyMap<string, 'address' | 'path'> = new Map([
  ['direct-tcpip', 'address'],
  ['direct-streamlocal@openssh.com', 'path'],
  ['tcpip-forward', 'address'],
  ['cancel-tcpip-forward', 'address'],
  ['streamlocal-forward@openssh.com', 'path'],
  ['cancel-streamlocal-forward@openssh.com', 'path'],
  ['forwarded-tcpip', 'address'],
  ['forwarded-streamlocal@openssh.com', 'path'],
  ['x11', 'address'],
])

/** What a forwarding names: `host:port` or a socket path; undefined for all else and for malformed fields. */
export function forwardTarget(name: string, fields: Buffer): string | undefined {
  const shape = FORWARDS.get(name)
  if (shape === undefined) return undefined
  const reader = new SshReader(fields)
  const address = text(reader)
  const target = shape === 'path' ? address : `${address}:${reader.uint32()}`
  return reader.failed ? undefined : target
}
