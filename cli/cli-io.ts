/**
 * What commands may do to the world, as values: main.ts hands in the shells, tests hand in recorders.
 */
import type { ControlRequest, ControlResult, LoginPrompt, WatchEvent } from '#lib/api/control-api'
import type { Result } from '#lib/result'

/** Why a command failed; `message` names cause and remedy. */
export type CliFailure = {
  readonly code: string
  readonly message: string
  readonly exitCode: number
}

/** Asks the daemon; `onPrompt` is called when the user has to log in. */
export type AskDaemon = (
  request: ControlRequest,
  onPrompt?: (prompt: LoginPrompt) => void,
) => Promise<Result<ControlResult, CliFailure>>

/** Calls of the admin API. Paths begin with `/api/v1/`. */
export interface AdminApi {
  getJson(path: string): Promise<Result<unknown, CliFailure>>
  /** Sends JSON; the answer is JSON too. */
  postJson(path: string, body: unknown): Promise<Result<unknown, CliFailure>>
  /** Sealed bytes, in order, never whole in memory. What is iterated throws a `BrokenOffError`. */
  getBytes(path: string): Promise<Result<AsyncIterable<Uint8Array>, CliFailure>>
  /** JSON lines, as they come; with a body it is a POST. Throws when the answer breaks off, or `signal` ends it. */
  lines(
    path: string,
    options?: { readonly body?: unknown; readonly signal?: AbortSignal },
  ): Promise<Result<AsyncIterable<unknown>, CliFailure>>
}

/** A secret that others on this machine must not read. */
export interface SecretFiles {
  /** Reads one; `-` is standard input. A file that others may read is refused. */
  read(path: string): Promise<Result<string, CliFailure>>
  /** Makes a new file, mode 0600, before the secret is there: what exists is never overwritten. */
  create(path: string): Result<NewSecretFile, CliFailure>
  /** Writes one whole, mode 0600; a file that exists is replaced. */
  replace(path: string, text: string): Result<void, CliFailure>
}

export interface NewSecretFile {
  keep(text: string): void
  /** There is no secret after all. */
  discard(): void
}

/** Hears what happens at the daemon until `signal` is aborted (ok), or the daemon is gone. Never rejects. */
export type WatchDaemon = (
  onEvent: (event: WatchEvent) => void,
  signal: AbortSignal,
) => Promise<Result<void, CliFailure>>

export type CliIo = {
  /** One line to standard output; its styles are taken off where no terminal shows them. */
  print(line: string): void
  /** One line to standard error. */
  warn(line: string): void
  readonly askDaemon: AskDaemon
  readonly watchDaemon: WatchDaemon
  readonly admin: AdminApi
  readonly secrets: SecretFiles
  /** A line that is not echoed, or the first one of standard input where that is no terminal; undefined: there is none. */
  askSecretLine(question: string): Promise<string | undefined>
  /** File with the credentials of a service, from the environment (ZT_SERVICE_TOKEN_FILE). */
  readonly serviceTokenFile: string | undefined
  /** Unix milliseconds. */
  now(): number
  /** A whole text file. */
  readText(path: string): Result<string, CliFailure>
  /** Writes a file that is no secret, whole; one that exists is replaced. */
  writeFile(path: string, content: string | Uint8Array): Result<void, CliFailure>
}

/** Exit codes of every command; `docs/reference/cli.md` lists them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  noDaemon: 3,
  denied: 4,
  notEnrolled: 5,
  notReachable: 6,
  incomplete: 7,
  tampered: 8,
  /** Of `zt run`: the program was not run; as of env(1) and timeout(1). */
  notRun: 125,
} as const

/** What a command says that needs a registration. */
export const NOT_ENROLLED: CliFailure = {
  code: 'not_enrolled',
  message: 'This device is not enrolled. Run "zt enroll URL".',
  exitCode: EXIT.notEnrolled,
}

/** Prints a failure. @returns its exit code. */
export function report(io: Pick<CliIo, 'warn'>, failure: CliFailure): number {
  io.warn(`zt: ${failure.message} (${failure.code})`)
  return failure.exitCode
}
