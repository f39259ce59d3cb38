/** Destinations as they are written on the command line: `HOST PORT`, `HOST:PORT`, or `HOST` alone; `/udp`, `/icmp`. Pure. */
import { formatHost, parseEndpoint, parseHost } from '#lib/net/endpoint'
import { type FlowEndpoint, parseFlowEndpoint } from '#lib/net/flow-endpoint'
import { parsePort } from '#lib/net/ports'
import { err, ok, type Result } from '#lib/result'
import { type CliFailure, EXIT } from './cli-io.ts'

/** Meant where no port is written. */
const HTTPS_PORT = 443

export type CliDestination = { readonly host: string; readonly port: number }

export function parseDestinationArguments(
  hostText: string,
  portText?: string,
): Result<CliDestination, CliFailure> {
  const host = parseHost(hostText)
  if (host.ok) {
    const port = portText === undefined ? ok(HTTPS_PORT) : parsePort(portText)
    if (!port.ok) return wrong(`${portText} is not a port`)
    return ok({ host: formatHost(host.value), port: port.value })
  }
  const endpoint = parseEndpoint(hostText)
  if (!endpoint.ok || portText !== undefined)
    return wrong(`${JSON.stringify(hostText)} is not a host`)
  return ok({ host: formatHost(endpoint.value.host), port: endpoint.value.port })
}

/** As `--udp` and `--icmp` say it, or the text itself (`HOST:PORT/udp`, `HOST/icmp`). */
export function parseFlowArguments(
  hostText: string,
  portText?: string,
  { udp = false, icmp = false }: { readonly udp?: boolean; readonly icmp?: boolean } = {},
): Result<FlowEndpoint, CliFailure> {
  const written = parseFlowEndpoint(icmp ? `${hostText}/icmp` : hostText)
  const isWhole = written.ok && written.value.transport !== 'tcp'
  if (isWhole || icmp) {
    const isSaidTwice = portText !== undefined || udp
    return written.ok && !isSaidTwice ? written : wrong(`${JSON.stringify(hostText)} is not a host`)
  }
  const to = parseDestinationArguments(hostText, portText)
  return to.ok ? ok({ ...to.value, transport: udp ? 'udp' : 'tcp' }) : to
}

function wrong(what: string): Result<never, CliFailure> {
  return err({ code: 'bad_destination', message: `${what}.`, exitCode: EXIT.usage })
}
