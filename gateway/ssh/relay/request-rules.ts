/**
 * What each request of RFC 4254 needs as a verb, means for the record, and names as its target.
 * A name that stands in no table is refused: ./policy-verbs.ts.
 */
import type { SessionEvent } from '#lib/recording/session-event'
import type { SshReader } from '#lib/ssh/reader'
import type { SshVerb } from '../../policy/ssh-grant.ts'
import type { Grants } from './grants.ts'
import type { SftpObjection } from './sftp-judge.ts'

/** Why something inside a session was refused; stable, stands in the recording and in the log. */
export type RefusalReason =
  | 'verb_not_granted'
  | 'unknown_type'
  | 'env_not_listed'
  | 'command_not_listed'
  | 'second_program'
  | 'too_many_channels'
  | 'opened_by_target'
  /** SSH inside a forwarding, which nothing permits. */
  | 'nested_ssh'
  /** A way to another target that its own decision does not permit, or that does not come about. */
  | 'hop_refused'
  /** The stream of an SFTP session under rules could not be followed. */
  | 'sftp_unreadable'
  | SftpObjection

/** What a request needs and means. */
export type RequestMeaning = {
  /** Verb it needs; none when it harms nothing. */
  readonly verb?: SshVerb
  /** Set when it is refused even where its verb is granted. */
  readonly refusal?: RefusalReason | undefined
  /** Subsystem, variable or command it names. */
  readonly target?: string
  readonly event?: SessionEvent
  /** Set when it starts the program of its channel; at most one can succeed (RFC 4254 section 6.5). */
  readonly program?: 'shell' | 'exec' | 'sftp' | 'subsystem'
  /** Set when the target may open channels for it from now on. */
  readonly forwards?: 'agent' | 'x11'
}

/** Reads the fields of one kind of request; who calls it asks the reader whether they were all there. */
type RequestRule = (reader: SshReader, channel: number, grants: Grants) => RequestMeaning
type RequestRules = ReadonlyMap<string, RequestRule>

const harmless: RequestRule = () => ({})

/** Requests that pass on every channel, from both sides (RFC 4254 section 5.4, OpenSSH PROTOCOL section 2.1). */
export const HARMLESS_REQUESTS: RequestRules = new Map<string, RequestRule>([
  ['eow@openssh.com', harmless],
  ['keepalive@openssh.com', harmless],
])

/** CHANNEL_REQUESTs of the user (RFC 4254 sections 6.2 to 6.9, RFC 4335, OpenSSH PROTOCOL section 2). */
export const USER_REQUESTS: RequestRules = new Map<string, RequestRule>([
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
  ['auth-agent-req@openssh.com', readAgent],
  ['x11-req', readX11],
  ...HARMLESS_REQUESTS,
])

/** CHANNEL_REQUESTs of the target (RFC 4254 sections 6.8 and 6.10). */
export const TARGET_REQUESTS: RequestRules = new Map<string, RequestRule>([
  ['exit-status', readExitStatus],
  ['exit-signal', readExitSignal],
  ['xon-xoff', readFlowControl],
  ...HARMLESS_REQUESTS,
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

function readEnvironment(reader: SshReader, channel: number, grants: Grants): RequestMeaning {
  const [name, value] = [text(reader), text(reader)]
  return {
    verb: 'env',
    target: name,
    refusal: grants.listsVariable(name) ? undefined : 'env_not_listed',
    event: { type: 'env', channel, name, value },
  }
}

function readExec(reader: SshReader, channel: number, grants: Grants): RequestMeaning {
  const command = text(reader)
  return {
    verb: 'exec',
    target: command,
    refusal: grants.listsCommand(command) ? undefined : 'command_not_listed',
    program: 'exec',
    event: { type: 'exec', channel, command },
  }
}

function readSubsystem(reader: SshReader, channel: number, grants: Grants): RequestMeaning {
  const name = text(reader)
  const event = { type: 'subsystem', channel, name } as const
  if (name === 'sftp') return { verb: 'sftp', target: name, program: 'sftp', event }
  const refusal = grants.listsSubsystem(name) ? undefined : 'verb_not_granted'
  return { target: name, refusal, program: 'subsystem', event }
}

function readAgent(_: SshReader, channel: number): RequestMeaning {
  const kind = 'auth-agent-req@openssh.com'
  return { verb: 'agent', forwards: 'agent', event: { type: 'forward_requested', channel, kind } }
}

/** The cookie lets in whoever has it, and is in no event. */
function readX11(reader: SshReader, channel: number): RequestMeaning {
  reader.boolean() // one connection only
  reader.string() // authentication protocol
  reader.string() // cookie
  reader.uint32() // screen
  const kind = 'x11-req'
  return { verb: 'x11', forwards: 'x11', event: { type: 'forward_requested', channel, kind } }
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
