/** Real resolvers on loopback. */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
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

/** A resolver that hears and says nothing. @returns `ADDRESS:PORT`. */
export async function silentResolver(t: ExecutionContext): Promise<string> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  t.teardown(() => socket.close())
  await once(socket, 'listening')
  return `127.0.0.1:${socket.address().port}`
}
