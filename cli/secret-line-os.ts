/** One line from whoever runs `zt` that nobody else reads: neither on the screen nor among the arguments of processes. */
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

/** More than any code or secret that people type. */
const LIMIT_CHARACTERS = 1024

/**
 * Asks on a terminal, without echo; else reads the first line of standard input.
 * @returns undefined when it ends without one, or is told to (Ctrl-C, Ctrl-D).
 */
export function askSecretLine(question: string): Promise<string | undefined> {
  const { stdin, stderr } = process
  // What is typed is echoed by readline, which writes into this.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: stdin, output: nowhere, terminal: stdin.isTTY === true })
  // Not before: until readline has the terminal, that echoes what is typed by itself.
  if (stdin.isTTY) stderr.write(question)
  return new Promise((resolve) => {
    lines.once('line', (line) => {
      resolve(line.length > LIMIT_CHARACTERS ? undefined : line.trim())
      lines.close()
    })
    lines.once('SIGINT', () => lines.close())
    lines.once('close', () => {
      if (stdin.isTTY) stderr.write('\n')
      stdin.destroy()
      resolve(undefined)
    })
  })
}
