/**
 * What may pass inside an SSH session, as an application grants it. Whatever is not named is refused.
 */
import type { Destination } from './destination.ts'

/** What is granted or not, as a whole. */
export const SSH_VERBS = [
  'shell',
  'exec',
  'sftp',
  'pty',
  'env',
  'signal',
  'agent',
  'x11',
  'jump',
] as const
export type SshVerb = (typeof SSH_VERBS)[number]

/** Where a forwarding may lead, as a name or address that the target resolves; or a socket at the target. */
export type ForwardDestination =
  | { readonly kind: 'tcp'; readonly destination: Destination }
  /** A path in which `*` stands for any text. */
  | { readonly kind: 'unix'; readonly pattern: string }

/** Rules on SFTP requests. A path stands for itself and all that is below it. */
export type SftpRules = {
  readonly readOnly: boolean
  /** Absent: every path. */
  readonly paths?: readonly string[]
  readonly denyPaths: readonly string[]
}

export type SshGrant = {
  readonly allow: readonly SshVerb[]
  /** Commands that may be asked for, `*` for any harmless text; absent: every command. */
  readonly execPatterns?: readonly string[]
  /** Names of variables besides those that only say how text is shown. */
  readonly env: readonly string[]
  /** Subsystems besides sftp. */
  readonly subsystems: readonly string[]
  /** Absent: every SFTP request. */
  readonly sftp?: SftpRules
  /** What the user may reach from the target. */
  readonly localForward: readonly ForwardDestination[]
  /** Where the target may listen for the user. */
  readonly remoteForward: readonly ForwardDestination[]
  /** SSH that is spoken inside a forwarding. */
  readonly nested: 'refuse' | 'opaque'
  /** Whether the recording holds what passes through forwardings, too. */
  readonly recordForwards: boolean
  /** Set when shells on a terminal are started so that they mark their commands. */
  readonly commandMarks?: 'osc133'
}

/** What an application grants that says nothing of it. */
export const DEFAULT_SSH_GRANT: SshGrant = {
  allow: ['shell', 'exec', 'sftp', 'pty', 'env', 'signal'],
  env: [],
  subsystems: [],
  localForward: [],
  remoteForward: [],
  nested: 'refuse',
  recordForwards: false,
}
