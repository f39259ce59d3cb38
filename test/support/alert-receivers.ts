/** Real receivers of alerts: a webhook over HTTPS, and syslog on a stream. */
import type { AddressInfo, Server, Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { startHttps } from './https-target.ts'
import { framesOf, parseSyslog, type SyslogMessage } from './syslog-parser.ts'
import { throwawayCa } from './throwaway-ca.ts'

export type Post = { readonly body: string; readonly signature: string; readonly type: string }

type Receiver<Received> = {
  /** Resolves with all that came as soon as these are so many. */
  received(count: number): Promise<readonly Received[]>
  close(): void
}

/**
 * Starts a webhook.
 * @param codes what it answers, one after the other, the last for ever.
 */
export async function startWebhook({
  host = '127.0.0.1',
  codes = [204],
}: {
  readonly host?: string
  readonly codes?: readonly number[]
} = {}): Promise<Receiver<Post> & { readonly url: string; readonly caPem: string }> {
  const ca = await throwawayCa()
  const posts: Post[] = []
  const { tell, told } = news()
  const server = await startHttps(
    await ca.issue(host),
    async (request, response) => {
      let body = ''
      for await (const chunk of request) body += String(chunk)
      const { 'zt-signature': signature, 'content-type': type = '' } = request.headers
      posts.push({ body, signature: String(signature), type })
      response.writeHead(codes[Math.min(posts.length, codes.length) - 1] ?? 500).end()
      tell()
    },
    host,
  )
  return {
    url: `${server.url}/alerts`,
    caPem: ca.caPem,
    async received(count) {
      while (posts.length < count) await told()
      return posts
    },
    close: () => void server.close(),
  }
}

/** Has a server, of TCP or TLS, take syslog. */
export async function startSyslog(
  server: Server,
  host = '127.0.0.1',
): Promise<
  Receiver<SyslogMessage> & {
    readonly address: { readonly host: string; readonly port: number }
    readonly sockets: readonly Socket[]
  }
> {
  let octets = Buffer.alloc(0)
  const { tell, told } = news()
  const sockets: Socket[] = []
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      octets = Buffer.concat([octets, chunk])
      tell()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return {
    address: { host, port: (server.address() as AddressInfo).port },
    sockets,
    async received(count) {
      while (framesOf(octets).messages.length < count) await told()
      return framesOf(octets).messages.map(parseSyslog)
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

function news() {
  const waiting: (() => void)[] = []
  return {
    tell: () => {
      for (const wake of waiting.splice(0)) wake()
    },
    told: () => new Promise<void>((resolve) => waiting.push(resolve)),
  }
}
