/**
 * `zt-gateway init`: makes everything a gateway needs, once. All or nothing: the data directory is filled under
 * another name and appears whole; what exists already is never overwritten.
 */
import { X509Certificate } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { err, ok, type Result } from '#lib/result'
import { dataFiles, RECIPIENTS_SIGNER_KEY } from './data-files.ts'
import { hashAdminSecret, newAdminSecret } from './keys/admin-secret.ts'
import { createKeys } from './keys/new-keys-store.ts'
import { openSqliteStore } from './store/sqlite-store.ts'

export type InitOptions = {
  /** Absolute path of the data directory; absent or empty. */
  readonly data: string
  /** Absolute path of the configuration file to write. */
  readonly configFile: string
  readonly configText: string
  /** Display name of the organisation. */
  readonly organisation: string
  readonly nowMs: number
  /** Keys for FIPS mode. */
  readonly fips?: boolean | undefined
}

/** What was made. `adminSecret` is nowhere else: show it once. */
export type InitFacts = {
  readonly adminSecret: string
  /** SHA-256 of the gateway CA certificate, lower-case hex: what `zt enroll --ca-sha256` takes. */
  readonly caSha256: string
  readonly data: string
  readonly configFile: string
  /** The offline key that signs lists of recipients; belongs on no gateway. */
  readonly recipientsSigner: string
}

export type InitRefusal = { readonly reason: 'exists'; readonly message: string }

/** @throws {Error} when a file cannot be written; nothing is left behind then. */
export async function initialise(options: InitOptions): Promise<Result<InitFacts, InitRefusal>> {
  const { data, configFile, configText } = options
  const recipientsSigner = join(dirname(configFile), RECIPIENTS_SIGNER_KEY)
  const taken = [configFile, recipientsSigner].find((path) => existsSync(path))
  if (taken !== undefined) return err(exists(taken))
  if (existsSync(data) && readdirSync(data).length > 0) return err(exists(data))

  mkdirSync(dirname(data), { recursive: true })
  const draft = mkdtempSync(`${data}.init-`)
  const written: string[] = [draft]
  const write = (path: string, text: string | Buffer, mode: number): void => {
    const place = isInside(data, path) ? join(draft, relative(data, path)) : path
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, text, { flag: 'wx', mode, flush: true })
    written.push(place)
  }
  try {
    const made = await fill(draft, options)
    write(recipientsSigner, made.signerPem, 0o600)
    write(configFile, configText, 0o644)
    renameSync(draft, data)
    const { adminSecret, caSha256 } = made
    return ok({ adminSecret, caSha256, data, configFile, recipientsSigner })
  } catch (error) {
    for (const path of written) rmSync(path, { recursive: true, force: true })
    throw error
  }
}

function isInside(folder: string, path: string): boolean {
  return resolve(path).startsWith(join(resolve(folder), sep))
}

type Filled = Pick<InitFacts, 'adminSecret' | 'caSha256'> & { readonly signerPem: string | Buffer }

async function fill(
  dir: string,
  { organisation, nowMs, fips = false }: InitOptions,
): Promise<Filled> {
  const files = dataFiles(dir)
  chmodSync(dir, 0o700)
  const { recipientsSigner } = await createKeys(files.keys, { organisation, nowMs, fips })
  mkdirSync(files.recordings, { mode: 0o700 })
  const adminSecret = newAdminSecret()
  const hash = await hashAdminSecret(adminSecret)
  writeFileSync(files.adminHash, hash, { mode: 0o600, flag: 'wx', flush: true })
  makeStore(files.database, nowMs)
  const ca = new X509Certificate(readFileSync(files.gatewayCa))
  return {
    adminSecret,
    caSha256: ca.fingerprint256.replaceAll(':', '').toLowerCase(),
    signerPem: recipientsSigner.export({ type: 'pkcs8', format: 'pem' }),
  }
}

function makeStore(path: string, nowMs: number): void {
  const opened = openSqliteStore({
    path,
    now: () => nowMs,
    onWriteError: (error) => {
      throw error
    },
  })
  if (!opened.ok) throw new Error(opened.error.message)
  opened.value.close()
}

function exists(path: string): InitRefusal {
  return {
    reason: 'exists',
    message: `${path} exists already, and init overwrites nothing. Name another place, or remove it if the organisation in it is not needed any more.`,
  }
}
