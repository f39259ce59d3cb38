/** Alert rules on SSH sessions as written. The table also makes the reference page. */
import {
  defaulted,
  list,
  mapping,
  optional,
  required,
  type ValueOf,
} from '#lib/config/mapping-shape'
import { checked, flag, mapped, oneOf, type Shape } from '#lib/config/shape'
import { name, size } from '#lib/config/text-shapes'
import type { SshAlertRule } from './ssh-alert-rule.ts'
import { command, forward, path } from './ssh-shape.ts'

const patterns = list(command, { kind: 'a list of commands such as "*rm -rf*"', min: 1 })

const alertFields = {
  name: required(name, 'What alerts call it.'),
  applications: optional(
    list(name, { kind: 'a list of names of applications', min: 1 }),
    'In which ssh applications it counts; without it in all.',
  ),
  exec: optional(patterns, 'Commands that a client asks for; `*` is any text.'),
  command: optional(
    patterns,
    'Commands that are typed at a terminal, as far as its screen tells; noticed after they were sent.',
  ),
  sftp: optional(
    list(path, { kind: 'a list of absolute paths', min: 1 }),
    'Files that are opened or changed: these, and what is below them.',
  ),
  forward: optional(
    list(forward, { kind: 'a list of destinations', min: 1 }),
    'Where something is forwarded to, or where the target is to listen.',
  ),
  upload: optional(size, 'More than this from the user in one session.'),
  download: optional(size, 'More than this to the user in one session.'),
  action: defaulted(
    oneOf('report', 'end', 'require_login'),
    'What happens besides the alert: nothing, the session ends, or it ends and the next needs a new login.',
    'report',
  ),
  include_text: defaulted(flag, 'Whether the alert says what matched: a command, a path.', false),
} as const

const MATCHERS = ['exec', 'command', 'sftp', 'forward', 'upload', 'download'] as const

/** The shape of one rule. */
export const sshAlertShape: Shape<SshAlertRule> = mapped(
  checked(mapping(alertFields, 'an alert rule'), (written, at) =>
    MATCHERS.some((key) => written[key] !== undefined)
      ? []
      : [{ path: at, message: `this matches nothing; give it one of ${MATCHERS.join(', ')}` }],
  ),
  toRule,
)

function toRule(written: ValueOf<typeof alertFields>): SshAlertRule {
  const { upload, download, applications } = written
  return {
    name: written.name,
    ...(applications !== undefined && { applications }),
    exec: written.exec ?? [],
    command: written.command ?? [],
    sftp: written.sftp ?? [],
    forward: written.forward ?? [],
    ...(upload !== undefined && { uploadBytes: upload }),
    ...(download !== undefined && { downloadBytes: download }),
    action: written.action,
    includeText: written.include_text,
  }
}
