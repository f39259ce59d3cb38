/**
 * The machine part of the daemon, killed by itself after a step: /run/steps has a line for each change of a file in /etc,
 * and /run/kill-at the number of the last one. Programs that it runs count their steps there, too: see ./crash-lab.ts.
 */
import { appendFileSync, promises, readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

type Call = (...args: never[]) => Promise<unknown>

function step(what: string): void {
  appendFileSync('/run/steps', `${what}\n`)
  const made = readFileSync('/run/steps', 'utf8').split('\n').length - 1
  if (made === Number(readFileSync('/run/kill-at', 'utf8'))) process.kill(process.pid, 'SIGKILL')
}

/** After the call, when it is about /etc. */
function counted<Function extends Call>(name: string, call: Function): Function {
  const counting = async (...args: never[]) => {
    const result = await call(...args)
    const paths = args.filter((one: unknown) => typeof one === 'string' && one.startsWith('/etc/'))
    const [, flag] = args as readonly unknown[]
    const isThere = name === 'open' && (flag === 'r' || flag === 'r+')
    if (paths.length > 0 && !isThere) step(`${name} ${paths.join(' ')}`)
    if (flag === 'r+') countWrites(result as promises.FileHandle, paths.join(' '))
    return result
  }
  return counting as Function
}

/** What is written over a file that stays. */
function countWrites(file: promises.FileHandle, path: string): void {
  for (const name of ['write', 'truncate'] as const) {
    const call = file[name].bind(file) as Call
    const counting = async (...args: never[]) => {
      const result = await call(...args)
      step(`${name} ${path}`)
      return result
    }
    Object.assign(file, { [name]: counting })
  }
}

for (const name of ['copyFile', 'symlink', 'rename', 'rm', 'open'] as const) {
  Object.assign(promises, { [name]: counted(name, promises[name] as Call) })
}
syncBuiltinESMExports()
await import('./machine-process.js')
