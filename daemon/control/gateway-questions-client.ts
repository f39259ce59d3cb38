/** Commands whose answer the gateway has. */
import type { ControlRequest } from '#lib/api/control-api'
import { ENROL_PATHS } from '#lib/api/enrol-api'
import { decodeSshCertificate, decodeSshCertificateRefusal } from '#lib/api/ssh-certificate-api'
import { parseAddress } from '#lib/net/address'
import { err, ok } from '#lib/result'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import type { ExplainTarget } from '#lib/wire/control-message'
import { explainHere, withSteps } from '../explain.ts'
import { findWay } from '../flow-client.ts'
import { localRefusal } from '../listen/refusal.ts'
import { parseTargetHost } from '../listen/target.ts'
import type { Answer, CommandDeps } from './control-command.ts'
import { askFailure, failureFor } from './control-refusals.ts'

export async function apps({ device }: CommandDeps): Answer {
  if (device.tunnel === undefined) return err(failureFor('not_enrolled'))
  const answer = await device.tunnel.applications()
  if (answer.ok) return ok({ method: 'apps', applications: answer.value })
  return err(askFailure(answer.error.reason, device))
}

export async function sshCertificate(
  { publicKey, principals }: Extract<ControlRequest, { readonly method: 'ssh_certificate' }>,
  { device }: CommandDeps,
): Answer {
  const body = JSON.stringify({ public_key: publicKey, principals })
  const answer = await device.tunnel?.post(ENROL_PATHS.sshCertificateOverTunnel, body)
  if (answer?.ok !== true) {
    return err(askFailure(answer?.error.reason ?? 'not_connected', device))
  }
  const json = parseJson(answer.value.body)
  const certificate = answer.value.status === 200 ? decodeSshCertificate(json) : undefined
  if (certificate !== undefined) return ok({ method: 'ssh_certificate', certificate })
  const refusal = decodeSshCertificateRefusal(json)
  if (refusal === undefined) return err(askFailure('no_certificate', device))
  return err({ code: refusal.error, message: refusal.error_description })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export async function explain(
  { host, port, transport = 'tcp' }: ExplainTarget,
  deps: CommandDeps,
): Answer {
  const { device } = deps
  const target = { ...targetOf(host, port), ...(transport !== 'tcp' && { transport }) }
  const here = await explainHere(target, device.flowState, async (to, routes) => {
    const meant = meantBy(to, deps)
    return meant === undefined ? err(localRefusal('target_unreachable')) : findWay(meant, routes)
  })
  if (here.kind === 'answered') return ok({ method: 'explain', explanation: here.explanation })
  const answer = await device.tunnel?.explain(here.target)
  if (answer?.ok) {
    return ok({ method: 'explain', explanation: withSteps(target, here.steps, answer.value) })
  }
  const failure = askFailure(answer?.error.reason ?? 'not_connected', device)
  return err(failure)
}

/** An address that stands for a name is that name; undefined: one of those, and it stands for none now. */
function meantBy(target: FlowTarget, { names, status }: CommandDeps): FlowTarget | undefined {
  const address = parseAddress(target.host)
  if (!address.ok) return target
  const named = names.targetOf(address.value, target.port)
  // Where no traffic is taken it may be an address of somebody's network.
  return named ?? (status().transparent?.state === 'on' ? undefined : target)
}

/** As programs' destinations are read; what is none goes on as it is, and is said to be none. */
function targetOf(host: string, port: number): FlowTarget {
  const parsed = parseTargetHost(host)
  return { host: parsed.ok ? parsed.value : host, port }
}
