/**
 * The commands of `zt-gateway` but `run`: what they print, and the exit code they end with.
 */
import { existsSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import type { GatewayConfig } from './config/gateway-config.ts'
import { sampleConfig } from './config/sample.ts'
import { formatMistakes } from './config.ts'
import { loadConfig } from './config-store.ts'
import { dataFiles } from './data-files.ts'
import { EXIT } from './exit-codes.ts'
import { type InitFacts, initialise } from './init-os.ts'
import { type SignOptions, showRecipients, signRecipients } from './recipients-os.ts'

/** Where a command writes: results, and why there are none. */
export type Output = {
  readonly print: (line: string) => void
  readonly complain: (line: string) => void
}

type InitArguments = {
  readonly data: string
  readonly name: string
  readonly config?: string
  readonly json?: boolean
  readonly fips?: boolean
}

/** `init`. @returns the exit code. */
export async function initCommand(
  { data, name, config, json, fips = false }: InitArguments,
  { print, complain }: Output,
): Promise<number> {
  const dataDir = resolve(data)
  const configFile = resolve(config ?? join(dirname(dataDir), 'zt.yaml'))
  const made = await initialise({
    data: dataDir,
    configFile,
    configText: sampleConfig({
      ...{ organisation: name, fips },
      data: pathFrom(dirname(configFile), dataDir),
    }),
    organisation: name,
    fips,
    nowMs: Date.now(),
  })
  if (!made.ok) {
    complain(made.error.message)
    return EXIT.mistakes
  }
  print(json === true ? JSON.stringify(made.value) : initText(name, made.value))
  return EXIT.done
}

/** A path below `base` stays relative, so that both can move together. */
function pathFrom(base: string, path: string): string {
  const below = relative(base, path)
  return below.startsWith('..') ? path : `./${below}`
}

function initText(name: string, facts: InitFacts): string {
  return `Made the organisation "${name}".

  data           ${facts.data}
  configuration  ${facts.configFile}
                 edit it, then: zt-gateway check --config ${facts.configFile}
  gateway CA     SHA-256 ${facts.caSha256}
                 devices enrol with: zt enroll URL --ca-sha256 ${facts.caSha256}

Administrator secret, shown only now and stored nowhere:

  ${facts.adminSecret}

Move this key to a machine that is not a gateway. Who has it decides who can open recordings:

  ${facts.recipientsSigner}`
}

/** `check`. @returns the exit code. */
export async function checkCommand(
  { config }: { readonly config: string },
  { print, complain }: Output,
): Promise<number> {
  const loaded = await loadConfig(config)
  if (!loaded.ok) {
    complain(formatMistakes(loaded.error))
    return EXIT.mistakes
  }
  const { warnings, gateway } = loaded.value
  if (warnings.length > 0) complain(formatMistakes(warnings))
  const unusable = await recipientsMistake(gateway)
  if (unusable !== undefined) {
    complain(unusable)
    return EXIT.mistakes
  }
  print(`${config}: no mistakes${warnings.length > 0 ? `, warnings: ${warnings.length}` : ''}`)
  return EXIT.done
}

/** What a start would say of the list of recipients; it cannot be said where there is no data directory yet. */
async function recipientsMistake({ data, recordings }: GatewayConfig): Promise<string | undefined> {
  const { recipientsSigner } = dataFiles(data)
  if (recordings === undefined || !existsSync(recipientsSigner)) return undefined
  const { recipientsFile } = recordings
  const shown = await showRecipients(recipientsFile, recipientsSigner)
  return shown.ok
    ? undefined
    : `${recipientsFile}:1: gateway.recordings.recipients_file: ${shown.error.message}`
}

/** `recipients sign`. @returns the exit code. */
export async function signCommand(
  options: SignOptions,
  { print, complain }: Output,
): Promise<number> {
  const signed = await signRecipients(options, Date.now())
  if (!signed.ok) {
    complain(signed.error.message)
    return EXIT.mistakes
  }
  print(`${options.out}: signed. Name it in the configuration as recordings.recipients_file.`)
  return EXIT.done
}

/** `recipients show`. @returns the exit code. */
export async function showCommand(
  { config }: { readonly config: string },
  { print, complain }: Output,
): Promise<number> {
  const loaded = await loadConfig(config)
  if (!loaded.ok) {
    complain(formatMistakes(loaded.error))
    return EXIT.mistakes
  }
  const { data, recordings } = loaded.value.gateway
  if (recordings === undefined) {
    complain('the configuration names no recipients_file')
    return EXIT.mistakes
  }
  const shown = await showRecipients(recordings.recipientsFile, dataFiles(data).recipientsSigner)
  if (!shown.ok) {
    complain(shown.error.message)
    return EXIT.mistakes
  }
  for (const line of shown.value) print(line)
  return EXIT.done
}
