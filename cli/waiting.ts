/** While a command waits for a connection: says where its user has to log in. */
import type { CliIo } from './cli-io.ts'
import { promptLine } from './prompt-text.ts'

/**
 * Does `work`, and prints on standard error what connections to this destination wait for meanwhile: until it is done,
 * or has said that nothing waits any more.
 */
export async function sayWhatWaits<T>(
  io: Pick<CliIo, 'warn' | 'watchDaemon'>,
  to: { readonly host: string; readonly port?: number },
  work: (onAnswered: () => void) => Promise<T>,
): Promise<T> {
  const said = new Set<string>()
  const stop = new AbortController()
  const watched = io.watchDaemon((event) => {
    if (event.kind !== 'prompt') return
    const { prompt } = event
    const isOurs = prompt.host === to.host && (to.port ?? prompt.port) === prompt.port
    if (!isOurs || said.has(prompt.promptId)) return
    said.add(prompt.promptId)
    io.warn(`zt: ${promptLine(prompt)}`)
  }, stop.signal)
  try {
    return await work(() => stop.abort())
  } finally {
    stop.abort()
    await watched
  }
}
