/**
 * Joins stdin and stdout to a destination through the daemon's proxy port (SOCKS5), with half-close both ways.
 */
import type { Socket } from 'node:net'
import { SocksClient } from 'socks'
import { err, ok, type Result } from '#lib/result'
import { type CliFailure, EXIT } from './cli-io.ts'
import type { CliDestination } from './destination.ts'

/**
 * Ends when the destination has closed; what it refused is a failure with the daemon's reply.
 * @param onAnswered called when the connection stands.
 */
export async function connectStdio(
  proxy: { readonly host: string; readonly port: number },
  { host, port }: CliDestination,
  onAnswered: () => void,
): Promise<Result<void, CliFailure>> {
  try {
    const { socket } = await SocksClient.createConnection({
      proxy: { host: proxy.host, port: proxy.port, type: 5 },
      command: 'connect',
      destination: { host, port },
      set_tcp_nodelay: true,
    })
    onAnswered()
    return await joinStdio(socket, `${host}:${port}`)
  } catch (failure) {
    return err({
      code: 'connect_refused',
      message: `${host}:${port} was not reached: ${textOf(failure)}. "zt explain ${host} ${port}" says why.`,
      exitCode: EXIT.denied,
    })
  }
}

async function joinStdio(socket: Socket, destination: string): Promise<Result<void, CliFailure>> {
  process.stdin.pipe(socket)
  // Not by `pipe`, which would let the socket flow at once: the library emits what came together with its reply
  // first, and then resumes the socket.
  socket.on('data', (chunk) => {
    if (process.stdout.write(chunk)) return
    socket.pause()
    process.stdout.once('drain', () => socket.resume())
  })
  return new Promise((resolve) => {
    socket.on('error', (failure) =>
      resolve(
        err({
          code: 'connection_lost',
          message: `The connection to ${destination} broke: ${textOf(failure)}.`,
          exitCode: EXIT.failed,
        }),
      ),
    )
    socket.on('end', () => resolve(ok(undefined)))
    socket.on('close', () => resolve(ok(undefined)))
  })
}

function textOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure)
}
