/**
 * The limits of an ssh application as written. The tables also make the reference page.
 */
import {
  defaulted,
  list,
  mapping,
  optional,
  required,
  type ValueOf,
} from '#lib/config/mapping-shape'
import { type Mistake, type Path, quote } from '#lib/config/mistake'
import { checked, flag, mapped, oneOf, type Shape, text, wholeNumber } from '#lib/config/shape'
import { duration } from '#lib/config/text-shapes'
import { parseDestination } from './destination.ts'
import type { WrittenSsh } from './document.ts'
import { selector } from './selector.ts'
import {
  DEFAULT_SSH_GRANT,
  type ForwardDestination,
  type SftpRules,
  SSH_VERBS,
  type SshGrant,
} from './ssh-grant.ts'
import { hostKeyFields, targetCriteria, unixUsers } from './ssh-target-shape.ts'

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/
/** What decides which program runs or what it loads: no policy can let a client set it (T47). */
const NEVER_SET =
  /^(?:LD_.*|DYLD_.*|SSH_.*|BASH_.*|ENV|PATH|IFS|HOME|SHELL|SHELLOPTS|BASHOPTS|PS4|PROMPT_COMMAND|GCONV_PATH|NLSPATH|TERMINFO(?:_DIRS)?|(?:PYTHON|PERL|RUBY|NODE|GIT|GLIBC|MALLOC).*|ZDOTDIR|FPATH|CDPATH|INPUTRC|LOCPATH|HOSTALIASES|(?:JAVA_TOOL|JDK_JAVA|_JAVA)_OPTIONS|LUA_INIT.*|EDITOR|VISUAL|(?:MAN)?PAGER|LESSOPEN|LESSCLOSE)$/
const SUBSYSTEM = /^[\x21-\x7e]{1,64}$/
/** One way to write each path: no `.`, no `..`, no empty part. */
const PLAIN_PATH = /^(?:\/|(?:\/(?!\.{1,2}(?:\/|$))[^/\p{C}]+)+)$/u
const TEXT_LIMIT = 1024

const word = (kind: string, pattern: RegExp, hint = ''): Shape<string> =>
  text(kind, (value) =>
    value.length <= TEXT_LIMIT && pattern.test(value)
      ? { value }
      : { wrong: `${quote(value)} is not ${kind}${hint}` },
  )

/** A command as patterns write it. */
export const command = word('a command on one line', /^\P{C}+$/u)
const subsystem = word('the name of a subsystem', SUBSYSTEM)
/** One plain path. */
export const path = word(
  'an absolute path',
  PLAIN_PATH,
  '; write it without "." and "..", and without a slash at the end',
)
const variable: Shape<string> = text('the name of a variable', (value) => {
  if (!VARIABLE.test(value)) return { wrong: `${quote(value)} is not the name of a variable` }
  if (!NEVER_SET.test(value)) return { value }
  return { wrong: `${quote(value)} decides what programs run or load; no client may set it` }
})

/** `HOST:PORTS`, or `unix:PATH`. */
export const forward: Shape<ForwardDestination> = text<ForwardDestination>(
  'a destination such as 10.0.0.5:5432, *.corp.internal:443 or unix:/run/app.sock',
  (value) => {
    if (value.startsWith('unix:')) return socketOf(value.slice('unix:'.length))
    const parsed = parseDestination(value)
    if ('wrong' in parsed) return parsed
    if ((parsed.value.transport ?? 'tcp') !== 'tcp') return { wrong: 'SSH forwards TCP only' }
    return { value: { kind: 'tcp', destination: parsed.value } }
  },
)

type Socket = { readonly value: ForwardDestination } | { readonly wrong: string }

function socketOf(pattern: string): Socket {
  return PLAIN_PATH.test(pattern)
    ? { value: { kind: 'unix', pattern } }
    : { wrong: `${quote(pattern)} is not the path of a socket, such as /run/app/*.sock` }
}

const forwards = list(forward, { kind: 'a list of destinations' })
const paths = list(path, { kind: 'a list of absolute paths' })

const sftpFields = {
  read_only: defaulted(flag, 'Whether nothing may be changed.', false),
  paths: optional(paths, 'All that may be asked for: these, and what is below them.'),
  deny_paths: defaulted(paths, 'What may not, nor anything below: wins over `paths`.', []),
} as const

const sshFields = {
  unix_users: required(
    unixUsers,
    'Users that may be asked for at the target; `@email-local-part` is the part of the address before the `@`.',
  ),
  targets: defaulted(
    targetCriteria,
    'Which of `ssh_targets` are meant besides `destinations`, those that come later too: any of these.',
    [],
    'none',
  ),
  record: defaulted(
    oneOf('required', 'best_effort', 'off'),
    'Whether sessions are recorded. `required`: a session that cannot be is refused, and ends when its recording fails; `best_effort`: it goes on, and the failure is audited at once.',
    'required',
  ),
  record_scope: defaulted(
    oneOf('full', 'commands', 'metadata'),
    'What of a session is recorded: everything; commands, file operations and other events without the bytes; or only who, where, when, and counts.',
    'full',
  ),
  watch: defaulted(
    oneOf('told', 'silent', 'never'),
    'Whether an administrator may watch a session while it goes on, and whether its user is told.',
    'told',
  ),
  user_certificate: defaulted(
    oneOf('optional', 'required'),
    "Whether the client must show an SSH certificate of the client authority for the tunnel's own user, as `zt ssh-cert` gets one.",
    'optional',
  ),
  moderated: defaulted(
    flag,
    'Whether what the user sends passes only while a moderator watches. The session waits for one as long as `prompt_timeout`.',
    false,
  ),
  moderators: optional(
    list(selector, { kind: 'a list of selectors such as [{ group: leads }]', min: 1 }),
    'With `moderated`: who may; any of these, never the user of the session.',
  ),
  ...hostKeyFields,
  allow: defaulted(
    list(oneOf(...SSH_VERBS), { kind: `a list of ${SSH_VERBS.join(', ')}` }),
    'What may pass inside a session; without `pty` there is no terminal.',
    DEFAULT_SSH_GRANT.allow,
    `[${DEFAULT_SSH_GRANT.allow.join(', ')}]`,
  ),
  exec_patterns: optional(
    list(command, { kind: 'a list of commands such as "git-upload-pack *"', min: 1 }),
    'All commands that may be asked for; `*` is any text with which no shell begins another command.',
  ),
  env: defaulted(
    list(variable, { kind: 'a list of names of variables' }),
    'Variables that the client may set besides `LANG`, `LC_*` and the like.',
    [],
  ),
  subsystems: defaulted(
    list(subsystem, { kind: 'a list of names of subsystems' }),
    'Subsystems besides sftp.',
    [],
  ),
  sftp: optional(
    mapped(mapping(sftpFields, 'rules on SFTP'), toSftpRules),
    'Rules on the requests of SFTP.',
  ),
  local_forward: defaulted(
    forwards,
    'What may be reached from the target (`-L`, `-D`, `-W`), as the target resolves it.',
    [],
  ),
  remote_forward: defaulted(
    forwards,
    'Where the target may listen for the user (`-R`), as the client names it.',
    [],
  ),
  nested: defaulted(
    oneOf('refuse', 'opaque'),
    'SSH inside a forwarding: refused, or passed unseen and flagged in the recording.',
    DEFAULT_SSH_GRANT.nested,
  ),
  record_forwards: defaulted(
    flag,
    'Whether the recording holds what passes through forwardings.',
    false,
  ),
  command_marks: optional(
    oneOf('osc133'),
    'Shells on a terminal are started so that they mark their commands for the index (bash at the target).',
  ),
  session_time: optional(duration, 'A session ends after this long.'),
  concurrent_sessions: optional(
    wholeNumber(1, 1000),
    'How many sessions one user may have in this application at once.',
  ),
} as const

/** The `ssh` section of an application. */
export const sshShape: Shape<WrittenSsh> = mapped(
  checked(mapping(sshFields, 'the limits of an ssh application'), checkModeration),
  toSshLimits,
)

function checkModeration(
  { moderated, moderators, watch }: ValueOf<typeof sshFields>,
  at: Path,
): Mistake[] {
  if (moderated !== (moderators !== undefined)) {
    return [{ path: at, message: '"moderated: true" and "moderators" go together' }]
  }
  if (!moderated || watch !== 'never') return []
  return [{ path: at, message: 'nobody can moderate a session that may never be watched' }]
}

function toSshLimits(written: ValueOf<typeof sshFields>): WrittenSsh {
  const { session_time, concurrent_sessions } = written
  return {
    unixUsers: written.unix_users,
    record: written.record,
    ...(written.record_scope !== 'full' && { recordScope: written.record_scope }),
    watch: written.watch,
    ...(written.user_certificate === 'required' && { requiresCertificate: true }),
    hostKeys: written.host_keys,
    hostAuthorities: written.host_authorities,
    targets: written.targets,
    moderators: written.moderated ? (written.moderators ?? []) : [],
    grants: [toGrant(written)],
    ...(session_time !== undefined && { sessionTimeMs: session_time }),
    ...(concurrent_sessions !== undefined && { concurrentSessions: concurrent_sessions }),
  }
}

function toGrant(written: ValueOf<typeof sshFields>): SshGrant {
  const { exec_patterns, sftp, command_marks } = written
  return {
    allow: written.allow,
    ...(exec_patterns !== undefined && { execPatterns: exec_patterns }),
    env: written.env,
    subsystems: written.subsystems,
    ...(sftp !== undefined && { sftp }),
    localForward: written.local_forward,
    remoteForward: written.remote_forward,
    nested: written.nested,
    recordForwards: written.record_forwards,
    ...(command_marks !== undefined && { commandMarks: command_marks }),
  }
}

function toSftpRules({ read_only, paths: allowed, deny_paths }: ValueOf<typeof sftpFields>) {
  const rules: SftpRules = {
    readOnly: read_only,
    ...(allowed !== undefined && { paths: allowed }),
    denyPaths: deny_paths,
  }
  return rules
}
