/**
 * A loopback address and port that nobody uses: for servers whose own URL must be known before they listen.
 */
import { randomInt } from 'node:crypto'
import { type AddressInfo, createServer } from 'node:net'

/** The address is random in 127.0.0.0/8, so that files that run in parallel do not meet. */
export async function freeAddress(): Promise<{ readonly host: string; readonly port: number }> {
  const host = `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, host, resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return { host, port }
}
