/**
 * The gateway put together: policy in force, table of flows, listeners. The parts know each other only by their
 * interfaces; here they meet.
 */
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import { openAccess } from './access-store.ts'
import { openAuditLog } from './audit/audit-log-store.ts'
import { startCheckpoints } from './audit/checkpoint-job.ts'
import type { GatewayConfig } from './config/gateway-config.ts'
import { createCutDevice } from './cut-device.ts'
import { dialTarget } from './enforce/dial-client.ts'
import { createExplainer } from './enforce/explainer-client.ts'
import { createFlowTable } from './flow/flow-table.ts'
import { createFlowTap } from './flow/flow-tap.ts'
import { inTurns } from './in-turns-job.ts'
import { allListenerTls } from './listener-tls-os.ts'
import { type CutDevice, type Listener, startAll } from './listeners-server.ts'
import { openLiveAccess } from './live-access-os.ts'
import { openNameAccess } from './name-access-client.ts'
import type { OpenedData, StartRefusal } from './open-data-os.ts'
import { ownListeners } from './own-listeners-os.ts'
import { createPolicyInForce } from './policy-in-force.ts'
import type { PolicySource } from './policy-source.ts'
import { openPromptAccess } from './prompt-access-job.ts'
import { openRecordingAccess } from './recording-access-store.ts'
import { type Gateway, runningGateway } from './running-gateway-job.ts'
import { openSshTargets } from './ssh-target-access-store.ts'
import { startHistoryExpiry } from './store/expire-history-job.ts'
import { watchStore } from './store/store-watch-job.ts'

const RECIPIENTS_REFUSED: StartRefusal = {
  reason: 'recipients_refused',
  message:
    'the list of recipients is not in force; in FIPS mode all of them have P-256 keys (zt recordings keygen --kem p256)',
}

export type GatewayOptions = {
  readonly config: GatewayConfig
  readonly policy: PolicySource
  readonly data: OpenedData
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

/**
 * Starts every listener.
 * @returns the gateway, or why its configuration cannot be used.
 * @throws {Error} when an address cannot be listened on; nothing listens then. The store stays open either way.
 */
export async function startGateway(
  options: GatewayOptions,
): Promise<Result<Gateway, StartRefusal>> {
  const { config, data, log, now } = options
  const tls = await allListenerTls(config, data.keys.gatewayCa, now())
  if (!tls.ok) return tls
  const audit = openAuditLog(data.store.audit, now)
  const fips = config.fips === true
  const recording = await openRecordingAccess({
    ...{ config: config.recordings, fips, data, audit, log, now },
  })
  if (fips && config.recordings !== undefined && recording.recipients() === undefined) {
    recording.stop()
    return err(RECIPIENTS_REFUSED)
  }
  const listeners: Listener[] = []
  const configured = [config.tunnel, config.login, config.admin].map(({ listen }) => listen)
  const policyInForce = createPolicyInForce(options.policy, {
    revisions: data.store.revisions,
    registered: () => data.store.sshTargets.list(),
    own: () => ownListeners([...configured, ...listeners.map(({ address }) => address)]),
    onRevision: (revision, sha256) => audit.note('policy_revision', { revision, sha256 }),
    inTurns,
    now,
  })
  const { snapshot } = policyInForce
  const document = () => snapshot.current.policy.document
  const table = createFlowTable()
  const closers: CutDevice[] = []
  const cutDevice = createCutDevice({ table, closers, data, log })
  const access = openAccess({
    store: data.store,
    snapshot,
    table,
    signing: {
      signingKey: data.keys.tokenSigning,
      issuer: new URL(config.login.url).origin,
    },
    log,
    now,
  })
  const prompts = openPromptAccess({
    ...{ store: data.store, snapshot, table, log, now },
    loginUrl: config.login.url,
    accessRequests: access.accessRequests,
    settle: access.reconsideration.settle,
  })
  const names = openNameAccess({
    hosts: config.hosts,
    zones: () => document().dns.zones,
    decideName: access.decider.decideName,
  })
  const { resolve, aliasesOf } = names
  const explainer = createExplainer({
    ...{ decider: access.decider, log, now, resolve, aliasesOf },
    gather: access.evaluations.gather,
    dial: dialTarget,
  })
  const sshTargets = openSshTargets({
    fips,
    ...{ resolve, dial: dialTarget, policyInForce, now, store: data.store.sshTargets },
    tell: access.reconsideration.tell,
  })
  const { live, endLive } = openLiveAccess({
    ...{ audit, log, now },
    alerts: config.alerts,
    rules: () => document().sshAlerts,
    sessions: access.sessions,
    tell: access.reconsideration.tell,
  })
  audit.note('gateway_started', { revision: snapshot.current.revision })
  const checkpoints = await startCheckpoints(audit, {
    evidenceKey: data.keys.evidenceSigning,
    now,
    onFailure: (cause) => log.error({ error: String(cause) }, 'checkpoint not signed'),
  })
  const stopWatching = watchStore(() => data.store.foreignVersion(), data.sshAuthorities.notice)
  const parts = {
    ...options,
    ...access,
    ...prompts,
    ...names,
    ...{ explainer, sshTargets, live, table, policyInForce, recording, audit, checkpoints },
    ...{ cutDevice, closers },
    flowTap: createFlowTap(),
    tls: tls.value,
    endAccess() {
      stopWatching()
      endLive()
      access.endAccess()
    },
  }
  await startAll(parts, listeners)
  // Ports that were left to the system are known only now; flows must not lead to them either.
  policyInForce.recompile()
  const expiry = startHistoryExpiry({
    ...{ store: data.store, kept: config.history, audit, log, now },
    isOpen: (flowId) => table.get(flowId) !== undefined,
  })
  return ok(runningGateway(listeners, { ...parts, expiry }))
}
