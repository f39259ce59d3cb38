/**
 * Access through the tunnel, put together: the listener, the enforcement of flows, the control streams.
 */
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { ENROL_PATHS } from '#lib/api/enrol-api'
import type { Log } from '#lib/log'
import { printFlowEndpoint } from '#lib/net/flow-endpoint'
import type { AuditLog } from './audit/audit-log-store.ts'
import type { Checkpoints } from './audit/checkpoint-job.ts'
import type { GatewayConfig } from './config/gateway-config.ts'
import { dnsPost } from './dns/dns-post.ts'
import type { AnswerName } from './dns/name-answerer.ts'
import { dialTarget } from './enforce/dial-client.ts'
import { createDialIcmp } from './enforce/dial-icmp-client.ts'
import { dialUdp } from './enforce/dial-udp-client.ts'
import type { Explainer } from './enforce/explainer-client.ts'
import { createFlowServer } from './enforce/flow-server.ts'
import type { PolicyDecider } from './enforce/policy-decider.ts'
import type { AliasesOf, Resolve } from './enforce/resolve-client.ts'
import type { ServeSsh } from './enforce/ssh-service.ts'
import { logoutPost } from './enrol/logout-post-server.ts'
import { overrideKeyOf } from './enrol/override-key.ts'
import { renewalPost } from './enrol/renewal-post.ts'
import type { Evaluations } from './evaluator/evaluations-client.ts'
import { type CountryOf, NO_COUNTRIES, openCountries } from './facts/country-os.ts'
import type { StandingOf } from './facts/gather.ts'
import { FIPS_TLS, isFipsKey } from './fips.ts'
import type { FlowRecord } from './flow/flow-record.ts'
import type { FlowTable } from './flow/flow-table.ts'
import type { FlowTap } from './flow/flow-tap.ts'
import type { Reconsideration } from './flow/reconsider-job.ts'
import type { GatewayKeys } from './keys/gateway-keys.ts'
import type { ServerCertificate } from './keys/server-certificate.ts'
import { openRateGate } from './login/rate-limit.ts'
import type { CompiledPolicy } from './policy/compile.ts'
import type { Facts } from './policy/facts.ts'
import { isReason, sentenceFor } from './policy/reasons.ts'
import type { PolicySnapshot } from './policy-snapshot.ts'
import type { Posture } from './posture/posture-store.ts'
import type { Holding } from './prompt/hold-job.ts'
import { noticeOf } from './prompt/prompt-notice.ts'
import type { ServiceTokens } from './service-token/service-tokens-store.ts'
import { startEndingNotices } from './session/ending-notice-job.ts'
import type { Sessions } from './session/sessions-store.ts'
import { certificatePost } from './ssh-ca/certificate-post.ts'
import type { SshAuthorities } from './ssh-ca/ssh-authorities-store.ts'
import type { Store } from './store/store.ts'
import { createControlServer } from './tunnel/control-server.ts'
import { deviceSettings } from './tunnel/device-settings.ts'
import { startTunnelServer } from './tunnel/tunnel-server.ts'

/** SSH certificates that one device may ask for; each costs a signature and a row. */
const CERTIFICATE_REQUESTS = { points: 20, duration: 60 }
/** Questions of the DNS of one device: what a browser asks that opens many pages, several times over. */
const DNS_QUESTIONS = { perSource: 500, windowSeconds: 10 }

export type TunnelAccessOptions = {
  readonly config: Pick<GatewayConfig, 'tunnel' | 'countryDatabase' | 'fips'>
  readonly tls: ServerCertificate
  readonly keys: Pick<GatewayKeys, 'deviceCa' | 'hostSeed'>
  readonly sshAuthorities: SshAuthorities
  readonly store: Store
  readonly snapshot: PolicySnapshot<CompiledPolicy>
  readonly table: FlowTable
  readonly decider: PolicyDecider
  readonly explainer: Explainer
  readonly resolve: Resolve
  readonly aliasesOf: AliasesOf
  readonly answerName: AnswerName
  readonly flowTap: FlowTap
  readonly standing: StandingOf
  readonly sessions: Sessions
  readonly serviceTokens: ServiceTokens
  readonly reconsideration: Reconsideration
  readonly evaluations: Evaluations
  readonly posture: Posture
  readonly holding: Holding
  readonly audit: AuditLog
  readonly checkpoints: Checkpoints
  readonly serveSsh: ServeSsh
  /** Ends what a device has open. */
  readonly cutDevice: (deviceId: string, reason: string) => void
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

export interface TunnelAccess {
  readonly address: { readonly host: string; readonly port: number }
  /** Closes the connections of a device at once, and its flows with them. @returns how many connections. */
  closeDevice(deviceId: string, reason: string): number
  /** Accepts nothing new, lets flows end, closes all that is left after `deadlineMs`. */
  drain(deadlineMs: number): Promise<void>
}

/** Listens. @throws {Error} when the address cannot be bound. */
export async function startTunnelAccess(options: TunnelAccessOptions): Promise<TunnelAccess> {
  const { config, keys, store, snapshot, table, log, now, serveSsh, cutDevice, resolve } = options
  const { decider, standing, sessions, serviceTokens, reconsideration, posture, holding } = options
  const { sshAuthorities } = options
  const user = (id: string) => store.users.get(id)
  const put = (record: FlowRecord): void => {
    store.flows.put(record)
    options.flowTap.tell(record)
  }
  const records = { put, now }
  const control = createControlServer({
    user,
    standing,
    settings: (of, deviceId) => {
      const service = serviceTokens.identityOf(of)
      const hostAuthorities = sshAuthorities.trusted('host').map(({ publicKey }) => publicKey)
      const overrideKey = () => overrideKeyOf(keys.hostSeed, deviceId)
      return deviceSettings(snapshot.current.policy.document, hostAuthorities, service, overrideKey)
    },
    explain: options.explainer.forUser,
    applications: (facts) => decider.applications(facts),
    prompts: (id) => holding.ofDevice(id).map((prompt) => noticeOf(prompt, prompt)),
    reportPosture: posture.report,
    checkpoint: () => options.checkpoints.latest,
    auditProof: options.audit.consistency,
    log,
  })
  const onFlow = createFlowServer({
    ...{ decider, table, records, user, standing, resolve, serveSsh, log, now },
    aliasesOf: options.aliasesOf,
    dial: dialTarget,
    dialUdp,
    dialIcmp: createDialIcmp(log),
    sessions,
    reconsiderAt: reconsideration.at,
    hold: holding.hold,
    gather: options.evaluations.gather,
    tell: control.notify,
    notify: ({ subject, destination }, reason) =>
      control.notify(subject.deviceId, reason, cutSentence(destination, reason)),
  })
  const { origin } = new URL(config.tunnel.url)
  const renewal = renewalPost({ store, serviceTokens, deviceCa: keys.deviceCa, now, log }, origin)
  const certificateGate = new RateLimiterMemory(CERTIFICATE_REQUESTS)
  const certificates = certificatePost({
    ...{ user, standing, store, sshAuthorities, now, log },
    policy: () => snapshot.current.policy,
    isSuitable: config.fips ? isFipsKey : () => true,
    mayAsk: (deviceId) =>
      certificateGate.consume(deviceId).then(
        () => true,
        () => false,
      ),
  })
  const dns = dnsPost({
    ...{ user, standing, log, now },
    answerName: options.answerName,
    note: store.dnsLog.add,
    mayAsk: openRateGate(DNS_QUESTIONS, (deviceId) => deviceId),
  })
  const server = await startTunnelServer({
    listen: config.tunnel.listen,
    certificate: options.tls.certificatePem,
    key: options.tls.keyPem,
    deviceCa: keys.deviceCa.certificatePem,
    device: (id) => store.devices.get(id),
    countryOf: countries(config),
    ciphers: config.fips ? FIPS_TLS.ciphers : undefined,
    handlers: {
      onFlow,
      onControl: control.onControl,
      posts: new Map([
        [ENROL_PATHS.renewOverTunnel, renewal],
        [ENROL_PATHS.sshCertificateOverTunnel, certificates],
        ['/dns', dns],
        [ENROL_PATHS.logoutOverTunnel, logoutPost({ devices: store.devices, cutDevice, now, log })],
      ]),
    },
    onConnected: (id) => store.devices.update(id, { lastSeenAtMs: now() }),
    log,
    now,
  })
  const stopPushing = snapshot.onChange(() => control.pushSettings())
  const stopTellingServices = serviceTokens.onChange(() => control.pushSettings())
  const stopCheckpoints = options.checkpoints.onSigned(control.pushCheckpoint)
  const stopTellingAuthorities = sshAuthorities.onChange(() => control.pushSettings())
  const stopNotices = startEndingNotices({ table, notify: control.notify, now })
  const stopTelling = holding.watch({
    onAsked: (prompt, to) => control.prompt(prompt.deviceId, noticeOf(prompt, to)),
    onEnded: ({ id: promptId, deviceId }, outcome) =>
      control.promptEnded(deviceId, { promptId, outcome }),
  })
  return {
    address: server.address,
    closeDevice: server.closeDevice,
    async drain(deadlineMs) {
      stopPushing()
      stopTellingServices()
      stopCheckpoints()
      stopTellingAuthorities()
      stopNotices()
      await server.drain(deadlineMs)
      stopTelling()
    },
  }
}

function countries({ countryDatabase }: TunnelAccessOptions['config']): CountryOf {
  return countryDatabase === undefined ? NO_COUNTRIES : openCountries(countryDatabase)
}

function cutSentence(destination: Facts['destination'], reason: string): string {
  return `The connection to ${printFlowEndpoint(destination)} was ended. ${isReason(reason) ? sentenceFor(reason) : ''}`.trimEnd()
}
