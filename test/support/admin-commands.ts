/** `zt admin …` with canned answers of the admin API. */
import { Command } from 'commander'
import { ok } from '#lib/result'
import type { RecipientKey } from '#lib/seal/recipient-key'
import { addAdminCommands } from '../../cli/commands/admin.ts'
import { addExplainCommand } from '../../cli/commands/explain.ts'
import { makeRecipient } from './recording-sample.ts'

/** Whose key `--key` names, whatever the file. */
export const viewer: Promise<RecipientKey> = makeRecipient()

export const CLI_NOW_MS = Date.UTC(2026, 10, 21)

/** @param answer what every call is answered with; an array is told as JSON lines. */
export function adminCommands(...answers: unknown[]) {
  const printed: string[] = []
  const warned: string[] = []
  const asked: unknown[] = []
  const shown: string[] = []
  let code = -1
  const program = new Command('zt').exitOverride().enablePositionalOptions()
  program.configureOutput({ writeErr: () => undefined })
  const take = async (path: string, body?: unknown) => {
    asked.push([path, body])
    return ok(answers.shift())
  }
  const io = {
    print: (line: string) => printed.push(line),
    warn: (line: string) => warned.push(line),
    now: () => CLI_NOW_MS,
    readText: (path: string) => ok(`text of ${path}`),
    writeFile: () => ok(undefined),
    secrets: {
      read: () => Promise.reject(new Error('no secrets')),
      replace: () => ({ ok: false, error: { code: 'x', message: 'x', exitCode: 1 } }) as const,
      create: () => ({ ok: false, error: { code: 'x', message: 'x', exitCode: 1 } }) as const,
    },
    readKey: async () => ok(await viewer),
    async write(chunk: string | Uint8Array) {
      shown.push(Buffer.from(chunk).toString())
    },
    onScreen: <T>(replay: () => Promise<T>) => replay(),
    serviceTokenFile: undefined,
    askSecretLine: () => Promise.reject(new Error('nothing is typed')),
    watchDaemon: () => Promise.reject(new Error('the daemon is not watched')),
    askDaemon: () => Promise.reject(new Error('the daemon is not asked')),
    createFile: () => Promise.reject(new Error('no files')),
    admin: {
      getJson: take,
      postJson: take,
      async getBytes(path: string) {
        asked.push([path])
        return ok(answers.shift() as Iterable<Uint8Array> as never)
      },
      async lines(path: string, { body }: { readonly body?: unknown } = {}) {
        asked.push([path, body])
        return ok(toLines(answers.shift()))
      },
    },
  }
  const run = async (action: () => Promise<number>) => {
    code = await action()
  }
  addAdminCommands(program, io, run)
  addExplainCommand(program, io, run)
  return {
    ...{ printed, warned, asked, shown },
    async run(...args: string[]): Promise<number> {
      await program.parseAsync(['node', 'zt', ...args])
      return code
    },
  }
}

async function* toLines(lines: unknown): AsyncGenerator<unknown> {
  yield* lines as readonly unknown[]
}
