/**
 * Settings of the daemon: a YAML file and flags over it, to one frozen value or all mistakes at once. Pure.
 */
import { type Document, isMap, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import type { SettingSource } from '#lib/api/setting'
import type { Prefix } from '#lib/net/prefix'
import {
  parseSyntheticPrefix,
  SYNTHETIC_DEFAULTS,
  syntheticPrefixRule,
} from '#lib/net/synthetic-prefix'
import { err, ok, type Result } from '#lib/result'

/** Settings as they are used. */
export type DaemonConfig = {
  /** Folder of the registration, mode 0700. */
  readonly stateDir: string
  /** Path of the control socket. */
  readonly controlPath: string
  /** Port on 127.0.0.1; 0 lets the system choose. */
  readonly proxyPort: number
  /** `refuse`: what is not ours is refused, even where the gateway leaves it direct. */
  readonly others: 'direct' | 'refuse'
  /** Lets every user of this machine use the proxy port. */
  readonly sharePort: boolean
  /** Who may enrol, besides the daemon's own user; the enrolled user afterwards. */
  readonly ownerUid: number
  /** URL of the proxy in front of the gateway; may hold a password. */
  readonly upstreamProxy?: string
  /** `transparent`: takes the traffic of programs that know of no proxy, besides the proxy port. */
  readonly mode: 'proxy' | 'transparent'
  /** Name of the TUN device. */
  readonly tunName: string
  /** Where addresses of private names come from. */
  readonly syntheticV4: Prefix
  readonly syntheticV6: Prefix
  /** Whose traffic is taken, besides the owner's. */
  readonly allowUsers: readonly number[]
  /** Private destinations stay unreachable while no tunnel carries them, also after a crash. */
  readonly lockdown: boolean
  /** How private names reach us. `auto`: whatever of the others fits this machine. */
  readonly dns: 'auto' | 'resolved' | 'port53' | 'resolv_conf' | 'off'
  /** Longest time that the user may open a captive portal for, seconds; 0: not at all. */
  readonly captivePortalSeconds: number
  /** Where the settings came from; what is not named is a default. */
  readonly sources: Readonly<Partial<Record<SettingName, SettingSource>>>
}

/** One mistake: where it is, and what to write instead. */
export type ConfigMistake = { readonly place: string; readonly message: string }

const LARGEST_UID = 2 ** 32 - 2
/** Each is a rule of its own in the kernel's table. */
const ALLOWED_USERS_LIMIT = 64

/** A consent of minutes: whoever runs the network can pose as a portal. */
const LONGEST_PORTAL_SECONDS = 1800

const uid = z.int().min(0).max(LARGEST_UID)

const settings = z.strictObject({
  state: z.string().min(1).exactOptional(),
  control: z.string().min(1).exactOptional(),
  proxy: z
    .string()
    .regex(
      /^127\.0\.0\.1:[0-9]{1,5}$/,
      'expected 127.0.0.1:PORT; the proxy serves this machine only',
    )
    .refine((text) => Number(text.split(':')[1]) <= 65535, 'the port is above 65535')
    .exactOptional(),
  others: z.enum(['direct', 'refuse']).exactOptional(),
  share_port: z.boolean().exactOptional(),
  owner_uid: uid.exactOptional(),
  upstream_proxy: z.string().min(1).exactOptional(),
  mode: z.enum(['proxy', 'transparent']).exactOptional(),
  tun_name: z
    .string()
    // IFNAMSIZ is 16 with its zero; the name stands in commands.
    .regex(/^[a-z][a-z0-9]{0,14}$/, 'expected a letter, then at most 14 letters or digits')
    .exactOptional(),
  synthetic_v4: syntheticRange(4).exactOptional(),
  synthetic_v6: syntheticRange(6).exactOptional(),
  allow_users: z.array(uid).max(ALLOWED_USERS_LIMIT).exactOptional(),
  lockdown: z.boolean().exactOptional(),
  dns: z.enum(['auto', 'resolved', 'port53', 'resolv_conf', 'off']).exactOptional(),
  captive_portal: z.int().min(0).max(LONGEST_PORTAL_SECONDS).exactOptional(),
})

function syntheticRange(version: 4 | 6) {
  return z
    .string()
    .refine((text) => parseSyntheticPrefix(version, text).ok, syntheticPrefixRule(version))
}

/** Settings as they are written: keys of the file, and names of the flags. */
export type WrittenSettings = Readonly<z.infer<typeof settings>>

export type SettingName = keyof WrittenSettings

/** Settings from one place. */
export type Layer = { readonly source: SettingSource; readonly settings: WrittenSettings }

/** What has no default of its own. */
export type MachineDefaults = Required<
  Pick<WrittenSettings, 'state' | 'control' | 'proxy' | 'owner_uid'>
>

type Complete = Required<Omit<WrittenSettings, 'upstream_proxy'>> &
  Pick<WrittenSettings, 'upstream_proxy'>

/** What holds where nothing is written. */
const DEFAULTS: Omit<Complete, keyof MachineDefaults> = {
  others: 'direct',
  share_port: false,
  mode: 'proxy',
  tun_name: 'zt0',
  synthetic_v4: SYNTHETIC_DEFAULTS.v4,
  synthetic_v6: SYNTHETIC_DEFAULTS.v6,
  allow_users: [],
  lockdown: false,
  dns: 'auto',
  captive_portal: 180,
}

/** Decodes the text of a file. An empty file is no settings; unknown keys are mistakes. Never throws. */
export function decodeSettings(
  text: string,
  file: string,
): Result<WrittenSettings, readonly ConfigMistake[]> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  if (document.errors.length > 0) {
    return err(
      document.errors.map(({ message, linePos }) => ({
        place: `${file}:${linePos?.[0].line ?? 1}`,
        message: message.split('\n')[0] ?? message,
      })),
    )
  }
  const value = plainValue(document)
  if (!value.ok) return err([{ place: file, message: value.error }])
  const parsed = settings.safeParse(value.value ?? {})
  if (parsed.success) return ok(parsed.data)
  const lineOf = (key: string): number => {
    const pairs = isMap(document.contents) ? document.contents.items : []
    const found = pairs.find((pair) => String(pair.key) === key)
    const [offset] = (found?.key as { readonly range?: readonly number[] } | undefined)?.range ?? []
    return offset === undefined ? 1 : lines.linePos(offset).line
  }
  return err(
    mistakesOf(parsed.error).map(({ key, message }) => ({
      place: `${file}:${lineOf(key)} ${key}`,
      message,
    })),
  )
}

/** An alias without its anchor, or too many of them, is found only here. */
function plainValue(document: Document): Result<unknown, string> {
  try {
    return ok(document.toJS())
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error))
  }
}

/** Decodes values of flags; places are the flags. Never throws. */
export function decodeFlags(flags: unknown): Result<WrittenSettings, readonly ConfigMistake[]> {
  const parsed = settings.safeParse(flags)
  if (parsed.success) return ok(parsed.data)
  return err(
    mistakesOf(parsed.error).map(({ key, message }) => ({
      place: `--${key.replaceAll('_', '-')}`,
      message,
    })),
  )
}

/** Puts settings together; later layers win over earlier ones, and all over the defaults. */
export function completeConfig(
  machine: MachineDefaults,
  ...layers: readonly Layer[]
): DaemonConfig {
  const written: WrittenSettings = Object.assign({}, ...layers.map((layer) => layer.settings))
  const all: Complete = { ...DEFAULTS, ...machine, ...written }
  const sources = layers.flatMap((layer) =>
    Object.keys(layer.settings).map((name) => [name, layer.source] as const),
  )
  return Object.freeze({
    stateDir: all.state,
    controlPath: all.control,
    proxyPort: Number(all.proxy.split(':')[1]),
    others: all.others,
    sharePort: all.share_port,
    ownerUid: all.owner_uid,
    ...(all.upstream_proxy === undefined ? {} : { upstreamProxy: all.upstream_proxy }),
    mode: all.mode,
    tunName: all.tun_name,
    syntheticV4: rangeOf(4, all.synthetic_v4),
    syntheticV6: rangeOf(6, all.synthetic_v6),
    allowUsers: all.allow_users,
    lockdown: all.lockdown,
    dns: all.dns,
    captivePortalSeconds: all.captive_portal,
    sources: Object.fromEntries(sources),
  })
}

/** @throws {Error} for a text that the decoder refuses: a bug. */
function rangeOf(version: 4 | 6, text: string): Prefix {
  const range = parseSyntheticPrefix(version, text)
  if (!range.ok) throw new Error(`${text}: ${range.error.reason}`)
  return range.value
}

type KeyMistake = { readonly key: string; readonly message: string }

/** Messages of ours repeat no value: a proxy URL may hold a password. */
function mistakesOf(error: z.ZodError): KeyMistake[] {
  return error.issues.flatMap((issue): KeyMistake[] => {
    if (issue.code === 'unrecognized_keys') {
      const known = Object.keys(settings.shape).join(', ')
      return issue.keys.map((key) => ({ key, message: `unknown key; known are ${known}` }))
    }
    return [{ key: String(issue.path[0] ?? 'file'), message: issue.message }]
  })
}
