/** Real resolvers on loopback. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ExecutionContext } from 'ava'
import { freeAddress } from './free-address.ts'

/** A resolver (dnsmasq) that knows these records, and nobody to ask. @returns `ADDRESS:PORT`. */
export async function dnsmasq(t: ExecutionContext, ...records: readonly string[]): Promise<string> {
  const { host, port } = await freeAddress()
  const own = ['--no-resolv', '--no-hosts', '--keep-in-foreground', '--conf-file=/dev/null']
  const where = [`--port=${port}`, `--listen-address=${host}`, '--bind-interfaces']
  const quiet = ['--log-facility=-', '--pid-file=', '--user=root']
  const child = spawn('/usr/sbin/dnsmasq', [...own, ...where, ...quiet, ...records])
  t.teardown(async () => {
    child.kill()
    if (child.exitCode === null) await once(child, 'exit')
  })
  await once(child.stderr, 'data')
  return `${host}:${port}`
}
