/**
 * Joins stdin and stdout to a destination through the daemon's proxy port (SOCKS5), with half-close both ways.
 */
import { SocksClient } from 'socks'
import { err, ok, type Result } from '#lib/result'
import { type CliFailure, EXIT } from './cli-io.ts'

/** Ends when the destination has closed; what it refused is a failure with the daemon's reply. */
export async function connectStdio(
  proxy: { readonly host: string; readonly port: number },
  host: string,
  port: number,
): Promise<Result<void, CliFailure>> {
  try {
    const { socket } = await SocksClient.createConnection({
      proxy: { host: proxy.host, port: proxy.port, type: 5 },
      command: 'connect',
      destination: { host, port },
      set_tcp_nodelay: true,
    })
    process.stdin.pipe(socket)
    socket.pipe(process.stdout)
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('end', resolve)
      socket.on('close', () => resolve())
    })
    return ok(undefined)
  } catch (failure) {
    const cause = failure instanceof Error ? failure.message : String(failure)
    return err({
      code: 'connect_refused',
      message: `${host}:${port} was not reached: ${cause}. "zt explain ${host} ${port}" says why.`,
      exitCode: EXIT.denied,
    })
  }
}
