/**
 * Reads the configuration file and checks that the files it names are there. What it says is decided in ./config.ts.
 */
import { access, constants, readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { formatPath } from '#lib/config/mistake'
import { err, ok, type Result } from '#lib/result'
import { type NamedFile, namedFiles } from './config/files.ts'
import { type ConfigMistake, type DecodedConfig, decodeConfig } from './config.ts'

/** Larger files are refused before they are read whole. */
const FILE_LIMIT_BYTES = 16 * 1024 * 1024
/** Permission bits of everybody else. */
const OTHERS = 0o007

/** A configuration whose files are there. */
export type LoadedConfig = Omit<DecodedConfig, 'lineOf'>

/**
 * Loads and checks a configuration. Every mistake of text and files is reported, the same as `zt-gateway check` prints.
 * @param fileName as the user gave it; mistakes carry it unchanged.
 */
export async function loadConfig(
  fileName: string,
): Promise<Result<LoadedConfig, readonly ConfigMistake[]>> {
  const text = await readText(fileName)
  if (!text.ok) return err([{ file: fileName, line: 1, path: formatPath([]), message: text.error }])
  const decoded = decodeConfig(text.value, resolve(fileName))
  if (!decoded.ok) return err(decoded.error.map((one) => ({ ...one, file: fileName })))
  const { lineOf, ...config } = decoded.value
  const mistakes: ConfigMistake[] = []
  for (const named of namedFiles(config.gateway)) {
    const message = await fileMistake(named)
    if (message === undefined) continue
    const { path } = named
    mistakes.push({ file: fileName, line: lineOf(path), path: formatPath(path), message })
  }
  const warnings = config.warnings.map((one) => ({ ...one, file: fileName }))
  return mistakes.length > 0 ? err(mistakes) : ok({ ...config, warnings })
}

async function readText(fileName: string): Promise<Result<string, string>> {
  try {
    const { size } = await stat(fileName)
    if (size > FILE_LIMIT_BYTES) return err('the file is larger than 16 MiB')
    return { ok: true, value: await readFile(fileName, 'utf8') }
  } catch (failure) {
    return err(`the file cannot be read: ${codeOf(failure)}`)
  }
}

async function fileMistake({ file, secret, check }: NamedFile): Promise<string | undefined> {
  try {
    await access(file, constants.R_OK)
    const { mode, size } = await stat(file)
    const exposed = secret && (mode & OTHERS) !== 0
    if (exposed) return `${file} holds a secret that every user can read; chmod 600 it`
    if (check === undefined) return undefined
    const fits = size <= check.limitBytes && check.isRight(await readFile(file))
    return fits ? undefined : `${file} is not ${check.wanted}`
  } catch (failure) {
    return `${file} cannot be read: ${codeOf(failure)}`
  }
}

function codeOf(failure: unknown): string {
  const code = failure instanceof Error && 'code' in failure ? String(failure.code) : 'unknown'
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a directory',
  }
  return known[code] ?? code
}
