/**
 * Posture checks as policy writes them. The tables also make the reference page.
 */
import { defaulted, list, mapping, optional, required } from '#lib/config/mapping-shape'
import { type Mistake, type Path, quote } from '#lib/config/mistake'
import { checked, mapped, oneOf, type Shape, text } from '#lib/config/shape'
import { duration, hostName, line, name } from '#lib/config/text-shapes'
import { variant } from '#lib/config/variant-shape'
import { POSTURE_LIST_LIMIT } from '#lib/wire/posture-schema'
import type { List } from './document.ts'
import type { PostureCheck } from './posture-check.ts'
import { parseVersion } from './version.ts'

/** A device that looks more often than this does little else. */
const LEAST_EVERY_MS = 1000
/** A day: an observation that is older says nothing of now. */
const GREATEST_AGE_MS = 24 * 3_600_000

const word = (kind: string, pattern: RegExp): Shape<string> =>
  text(kind, (value) =>
    pattern.test(value) ? { value } : { wrong: `${quote(value)} is not ${kind}` },
  )
const system = word('the id of a system, as in os-release', /^[a-z0-9][a-z0-9._-]{0,31}$/)
const keyword = word('an sshd keyword in lower case', /^[a-z][a-z0-9]{0,63}$/)
const sha256 = word('a SHA-256 of 64 lower-case hex digits', /^[0-9a-f]{64}$/)
const absolutePath = word('an absolute path', /^\/\P{C}{0,255}$/u)
const executable = word(
  'an absolute path, or the name of an executable',
  /^(?:\/\P{C}{1,255}|[^\p{C}/]{1,255})$/u,
)
const version = text('a version such as "12.4"', (value) =>
  parseVersion(value) === undefined
    ? { wrong: `${quote(value)} is not a version; write numbers with dots, as in "12.4"` }
    : { value },
)
const minimum = required(version, 'Lowest version that passes; its numbers are compared in order.')
const digests = defaulted(
  list(sha256, { kind: 'a list of SHA-256 digests' }),
  'Contents that pass; without any, every content does.',
  [],
)

const common = {
  name: required(name, 'What selectors, records and the user of the device see.'),
  every: defaulted(duration, 'How often the device looks; at least `1s`.', 60_000, '1m'),
  max_age: defaulted(
    duration,
    'How long what it saw counts, at most `1d`; then the check has failed.',
    300_000,
    '5m',
  ),
} as const

const kind = <const K extends string>(word: K, about: string) => required(oneOf(word), about)

const kinds = {
  os_version: mapping(
    {
      ...common,
      kind: kind('os_version', 'The operating system is recent enough.'),
      system: required(system, '`ID` of os-release, such as `debian`; `linux` is the kernel.'),
      minimum,
    },
    'the version of an operating system',
  ),
  disk_encryption: mapping(
    {
      ...common,
      kind: kind('disk_encryption', 'Disks are encrypted.'),
      mounts: defaulted(
        list(absolutePath, { kind: 'a list of absolute paths' }),
        'Mount points that must be; without any, every one that is on a disk.',
        [],
      ),
    },
    'encryption of disks',
  ),
  firewall: mapping(
    { ...common, kind: kind('firewall', 'A packet filter is on.') },
    'a packet filter',
  ),
  file: mapping(
    {
      ...common,
      kind: kind('file', 'A file is there, or is not.'),
      path: required(absolutePath, 'Where it is.'),
      state: defaulted(oneOf('present', 'absent'), 'Which of the two passes.', 'present'),
      sha256: digests,
    },
    'a file',
  ),
  process: mapping(
    {
      ...common,
      kind: kind('process', 'A process runs.'),
      process: required(executable, 'Its executable.'),
      sha256: digests,
    },
    'a process',
  ),
  client_version: mapping(
    { ...common, kind: kind('client_version', '`zt-daemon` is recent enough.'), minimum },
    'the version of the daemon',
  ),
  sshd_config: mapping(
    {
      ...common,
      kind: kind('sshd_config', 'The SSH server of the device is set up so.'),
      keyword: required(keyword, 'As `sshd -T` prints it.'),
      value: required(line, 'What must stand behind it, in any case of letters.'),
    },
    'a setting of the SSH server',
  ),
  domain_join: mapping(
    {
      ...common,
      kind: kind('domain_join', 'The device has joined a domain or realm.'),
      domain: required(hostName, 'Its name, in any case of letters.'),
    },
    'the domain of the device',
  ),
  serial: mapped(
    mapping(
      {
        ...common,
        kind: kind('serial', 'The device is one of a list.'),
        serials: defaulted(
          list(line, { kind: 'a list of serial numbers' }),
          'Those that pass, in any case of letters.',
          [],
        ),
        serial_list: optional(name, 'A list of kind `serial` with more of them.'),
      },
      'the serial number of the device',
    ),
    ({ serial_list, ...rest }) =>
      serial_list === undefined ? rest : { ...rest, serialList: serial_list },
  ),
}

/** The shape of one check. */
export const postureCheckShape: Shape<PostureCheck> = checked(
  mapped(
    variant('kind', kinds, 'a posture check'),
    ({ every, max_age, ...rest }): PostureCheck => ({ ...rest, everyMs: every, maxAgeMs: max_age }),
  ),
  mistakesOf,
)

/** The checks with the serial numbers of the lists that they name. */
export function withSerialLists(
  checks: readonly PostureCheck[],
  lists: readonly List[],
): readonly PostureCheck[] {
  return checks.map((check) => {
    if (check.kind !== 'serial') return check
    const more = lists.find(({ name, kind }) => kind === 'serial' && name === check.serialList)
    return more?.kind === 'serial'
      ? { ...check, serials: [...check.serials, ...more.values] }
      : check
  })
}

function mistakesOf(check: PostureCheck, path: Path): Mistake[] {
  const { everyMs, maxAgeMs } = check
  const isAnybody =
    check.kind === 'serial' && check.serials.length === 0 && check.serialList === undefined
  const mounts = check.kind === 'disk_encryption' ? check.mounts.length : 0
  const rules: readonly (readonly [boolean, string, string])[] = [
    [everyMs < LEAST_EVERY_MS, 'every', 'a device looks once a second at most'],
    [maxAgeMs < everyMs, 'max_age', '"max_age" is shorter than "every"'],
    [maxAgeMs > GREATEST_AGE_MS, 'max_age', '"max_age" is longer than a day'],
    [isAnybody, 'serials', 'name serials, or a serial_list'],
    [mounts > POSTURE_LIST_LIMIT, 'mounts', `more than ${POSTURE_LIST_LIMIT} mount points`],
  ]
  return rules.flatMap(([isWrong, key, message]) =>
    isWrong ? [{ path: [...path, key], message }] : [],
  )
}
