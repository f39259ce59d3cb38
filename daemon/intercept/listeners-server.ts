/** One TCP port on several addresses. */
import net, { type AddressInfo, type Server, type Socket } from 'node:net'

export interface Listeners {
  readonly port: number
  /** Addresses that could be had; never empty. */
  readonly hosts: readonly string[]
  close(): Promise<void>
}

/** Connections that the kernel completes before we take them. */
const BACKLOG = 4096
/** Ports to try: the system chooses one on the first address, and the others may have it taken. */
const ATTEMPTS = 8

/**
 * Listens on the first host, and with the same port on the others that this machine has.
 * @param onClient is given connections that are paused.
 * @throws {Error} when the first host cannot be had.
 */
export async function listenOnAll(
  hosts: readonly string[],
  onClient: (client: Socket) => void,
): Promise<Listeners> {
  for (let attempt = 1; ; attempt++) {
    const servers: Server[] = []
    try {
      for (const host of hosts) {
        const server = await listen(host, portOf(servers[0]), onClient)
        if (server !== undefined) servers.push(server)
      }
      return listenersOf(servers)
    } catch (error) {
      await closeAll(servers)
      if (attempt === ATTEMPTS || !isTaken(error)) throw error
    }
  }
}

function listenersOf(servers: readonly Server[]): Listeners {
  if (servers.length === 0) throw new Error('this machine has none of the addresses')
  const hosts = servers.map((server) => (server.address() as AddressInfo).address)
  return { port: portOf(servers[0]), hosts, close: () => closeAll(servers) }
}

function portOf(server: Server | undefined): number {
  return (server?.address() as AddressInfo | undefined)?.port ?? 0
}

/** undefined where the machine has no such address: IPv6 may be switched off. */
function listen(
  host: string,
  port: number,
  onClient: (client: Socket) => void,
): Promise<Server | undefined> {
  const options = { pauseOnConnect: true, allowHalfOpen: true, noDelay: true }
  const server = net.createServer(options, onClient)
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT') resolve(undefined)
      else reject(error)
    })
    server.listen({ host, port, backlog: BACKLOG, ipv6Only: true }, () => resolve(server))
  })
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
}
