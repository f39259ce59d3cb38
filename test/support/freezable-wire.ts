/** A TCP forwarder that can fall silent: what is sent goes nowhere, and nobody is told. */
import net, { type AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'

export type FreezableWire = {
  readonly port: number
  /** Connections that stand carry nothing any more. @param alsoNew nor do those that come. */
  freeze(alsoNew: boolean): void
  /** What stands carries again. */
  thaw(): void
}

export async function startFreezableWire(
  t: ExecutionContext,
  port: number,
): Promise<FreezableWire> {
  const pairs: (readonly [net.Socket, net.Socket])[] = []
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1')
    for (const socket of [near, far]) socket.on('error', () => socket.destroy())
    near.pipe(far).pipe(near)
    pairs.push([near, far])
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of pairs.flat()) socket.destroy()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    freeze(alsoNew) {
      if (alsoNew) server.removeAllListeners('connection')
      for (const socket of pairs.flat()) socket.unpipe().pause()
    },
    thaw() {
      for (const [near, far] of pairs) near.pipe(far).pipe(near)
    },
  }
}
