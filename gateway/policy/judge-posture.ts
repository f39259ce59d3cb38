/**
 * What a device said, held against what is expected. Anything absent, stale, malformed or about something else has
 * failed (T95). Details name what is wrong, never what is expected: the user of the device reads them.
 */
import type { PostureFinding, PostureObservation } from '#lib/wire/posture-message'
import { type PostureCheck, requestOf } from './posture-check.ts'
import { isAtLeast, parseVersion } from './version.ts'

/** What a device said, with its time by the clock of the gateway. */
export type TimedObservation = Omit<PostureObservation, 'observedAgoMs'> & {
  /** Unix milliseconds. */
  readonly observedAtMs: number
}

/** The judgement on one check. */
export type PostureJudgement = {
  readonly passed: boolean
  readonly detail: string
  /** Until when it holds without a new observation, Unix milliseconds; 0 when nothing was said. */
  readonly validUntilMs: number
}

/** Judges one check at one moment. Never throws, whatever the observation holds. */
export function judgePosture(
  check: PostureCheck,
  observation: TimedObservation | undefined,
  nowMs: number,
): PostureJudgement {
  if (observation === undefined || !isAbout(check, observation)) {
    return { passed: false, detail: 'The device has not reported it.', validUntilMs: 0 }
  }
  const validUntilMs = observation.observedAtMs + check.maxAgeMs
  const wrong =
    validUntilMs > nowMs
      ? whatIsWrong(check, observation)
      : 'The device has not reported it for too long.'
  return { passed: wrong === undefined, detail: wrong ?? 'As expected.', validUntilMs }
}

/** A check may have been written anew since the device looked. */
function isAbout(check: PostureCheck, { name, kind, lookAt }: TimedObservation): boolean {
  const wanted = requestOf(check)
  const same =
    lookAt.length === wanted.lookAt.length && lookAt.every((one, at) => one === wanted.lookAt[at])
  return name === wanted.name && kind === wanted.kind && same
}

function whatIsWrong(check: PostureCheck, { found }: TimedObservation): string | undefined {
  if (found.kind === 'none') return failureText(found)
  if (found.kind !== check.kind) return 'The report is about something else.'
  const judge = JUDGES[check.kind] as (check: PostureCheck, found: PostureFinding) => Wrong
  return judge(check, found)
}

function failureText({ reason, detail }: { readonly reason: string; readonly detail?: string }) {
  const texts: Readonly<Record<string, string>> = {
    unsupported: 'The daemon does not know this kind of check; update zt.',
    unsupported_system: 'The daemon cannot look at this on the operating system of the device.',
  }
  return (
    texts[reason] ?? `The device could not read it${detail === undefined ? '' : `: ${detail}`}.`
  )
}

type Wrong = string | undefined
type Judges = {
  readonly [K in PostureCheck['kind']]: (
    check: Extract<PostureCheck, { readonly kind: K }>,
    found: Extract<PostureFinding, { readonly kind: K }>,
  ) => Wrong
}

/** What is wrong, by kind; nothing when it is as expected. */
const JUDGES: Judges = {
  os_version: ({ system, minimum }, { versions }) =>
    Object.hasOwn(versions, system)
      ? versionWrong(versions[system], minimum)
      : 'The device runs another system.',
  disk_encryption: ({ mounts }, found) => {
    const open = found.mounts.find(({ encrypted }) => encrypted !== true)
    if (open !== undefined) return `${open.mount} is not encrypted.`
    const missing = mounts.find((one) => !found.mounts.some(({ mount }) => mount === one))
    if (missing !== undefined) return `${missing} is not reported.`
    return found.mounts.length === 0 ? 'No mount point is on a disk.' : undefined
  },
  firewall: (_, { enabled }) => (enabled === true ? undefined : 'No packet filter is on.'),
  file: ({ state, sha256 }, { exists, sha256: got }) => {
    if (state === 'absent') return exists === false ? undefined : 'The file is there.'
    if (exists !== true) return 'The file is not there.'
    return digestWrong(sha256, got)
  },
  process: ({ sha256 }, { running }) => {
    if (running.length === 0) return 'The process does not run.'
    const wrong = running.map((one) => digestWrong(sha256, one.sha256))
    return wrong.every((one) => one !== undefined) ? wrong[0] : undefined
  },
  client_version: ({ minimum }, { version }) => versionWrong(version, minimum),
  sshd_config: ({ value }, found) =>
    isSameText(found.value, value) ? undefined : 'The setting has another value.',
  domain_join: ({ domain }, { domains }) =>
    domains.some((one) => isSameText(one, domain)) ? undefined : 'The device has not joined it.',
  serial: ({ serials }, { serial }) =>
    serials.some((one) => isSameText(one, serial)) ? undefined : 'The device is not listed.',
}

function versionWrong(text: string | undefined, minimum: string): Wrong {
  const version = parseVersion(text ?? '')
  const least = parseVersion(minimum)
  if (version === undefined || least === undefined) return 'The version cannot be read.'
  return isAtLeast(version, least) ? undefined : 'The version is too old.'
}

function digestWrong(wanted: readonly string[], got: string | undefined): Wrong {
  if (wanted.length === 0) return undefined
  if (got === undefined) return 'The content could not be read.'
  return wanted.includes(got) ? undefined : 'The content differs.'
}

function isSameText(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
