/**
 * Settings of the daemon: a YAML file and flags over it, to one frozen value or all mistakes at once. Pure.
 */
import { type Document, isMap, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
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
}

/** One mistake: where it is, and what to write instead. */
export type ConfigMistake = { readonly place: string; readonly message: string }

const LARGEST_UID = 2 ** 32 - 2

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
  owner_uid: z.int().min(0).max(LARGEST_UID).exactOptional(),
  upstream_proxy: z.string().min(1).exactOptional(),
})

/** Settings as they are written: keys of the file, and names of the flags. */
export type WrittenSettings = Readonly<z.infer<typeof settings>>

/** What holds where nothing is written. */
export type ConfigDefaults = Pick<
  DaemonConfig,
  'stateDir' | 'controlPath' | 'proxyPort' | 'ownerUid'
>

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

/** Puts settings together; later ones win over earlier ones, and all over the defaults. */
export function completeConfig(
  defaults: ConfigDefaults,
  ...written: readonly WrittenSettings[]
): DaemonConfig {
  const all: WrittenSettings = Object.assign({}, ...written)
  return Object.freeze({
    stateDir: all.state ?? defaults.stateDir,
    controlPath: all.control ?? defaults.controlPath,
    proxyPort: all.proxy === undefined ? defaults.proxyPort : Number(all.proxy.split(':')[1]),
    others: all.others ?? 'direct',
    sharePort: all.share_port ?? false,
    ownerUid: all.owner_uid ?? defaults.ownerUid,
    ...(all.upstream_proxy === undefined ? {} : { upstreamProxy: all.upstream_proxy }),
  })
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
