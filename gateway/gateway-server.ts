/**
 * The gateway put together: policy in force, table of flows, listeners. The parts know each other only by their
 * interfaces; here they meet.
 */
import type { Log } from '#lib/log'
import type { HostName } from '#lib/net/host'
import { err, ok, type Result } from '#lib/result'
import { openAccess } from './access-store.ts'
import { watchForAlerts } from './alert/alert-tap.ts'
import { openSinks } from './alert/open-sinks-os.ts'
import { looksAtCommands } from './alert/session-alerts.ts'
import { openAuditLog } from './audit/audit-log-store.ts'
import { startCheckpoints } from './audit/checkpoint-job.ts'
import type { GatewayConfig, ListenerConfig } from './config/gateway-config.ts'
import type { HistoryKept } from './config/history.ts'
import { openLookupShares } from './dns/lookup-shares.ts'
import { createNameAnswerer } from './dns/name-answerer.ts'
import { createNameServers } from './dns/name-servers-client.ts'
import { dialTarget } from './enforce/dial-client.ts'
import { createExplainer } from './enforce/explainer-client.ts'
import { type AliasesOf, createResolver } from './enforce/resolve-client.ts'
import { createFlowTable } from './flow/flow-table.ts'
import { createFlowTap } from './flow/flow-tap.ts'
import { inTurns } from './in-turns-job.ts'
import { listenerTls } from './listener-tls-os.ts'
import { type CutDevice, type Listener, type Parts, startAll } from './listeners-server.ts'
import { readTypedCommands } from './live/command-feed-job.ts'
import { createLiveSessions } from './live/live-sessions.ts'
import type { OpenedData, StartRefusal } from './open-data-os.ts'
import { ownListeners } from './own-listeners-os.ts'
import { createPolicyInForce } from './policy-in-force.ts'
import type { PolicySource } from './policy-source.ts'
import { openPromptAccess } from './prompt-access-job.ts'
import { openRecordingAccess } from './recording-access-store.ts'
import { clientKeyId } from './ssh-ca/client-certificate.ts'
import { openSshTargets } from './ssh-target-access-store.ts'
import { type HistoryExpiry, startHistoryExpiry } from './store/expire-history-job.ts'
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

/** After the deadline of a drain: for what is cut to be written down, ms. */
const CLOSING_MS = 2000

/** Lookups of all devices under way; each has a socket for up to 4 s. */
const DNS_LOOKUPS = 1024

/** A gateway that runs. */
export interface Gateway {
  /** Where its listeners listen, by name, with the ports they got. */
  readonly addresses: Readonly<Record<string, ListenerConfig['listen']>>
  /** Revision of the policy in force. */
  readonly revision: number
  /**
   * Reads the list of recipients again, and puts a policy in force as the next revision; flows that it does not permit as they are end now.
   * @param history how long history is kept from now on, if that changes.
   */
  reload(
    policy: PolicySource,
    history?: HistoryKept,
  ): Promise<{ readonly revision: number; readonly cutFlows: number }>
  /** Accepts nothing new and lets flows end for at most `deadlineMs`, then closes all but the store. */
  drain(deadlineMs: number): Promise<void>
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
  const tls = await allTls(options)
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
  const table = createFlowTable()
  const closers: CutDevice[] = []
  const cutDevice: CutDevice = (deviceId, reason) => {
    const cutFlows = table.cutDevice(deviceId, reason)
    for (const close of closers) close(deviceId, reason)
    if (reason === 'device_revoked') revokeHeld(data, deviceId)
    log.info({ deviceId, reason, cutFlows }, 'device cut')
  }
  const access = openAccess({
    store: data.store,
    snapshot: policyInForce.snapshot,
    table,
    signing: {
      signingKey: data.keys.tokenSigning,
      issuer: new URL(config.login.url).origin,
    },
    log,
    now,
  })
  const prompts = openPromptAccess({
    ...{ store: data.store, snapshot: policyInForce.snapshot, table, log, now },
    loginUrl: config.login.url,
    accessRequests: access.accessRequests,
    settle: access.reconsideration.settle,
  })
  const nameServers = createNameServers(
    () => policyInForce.snapshot.current.policy.document.dns.zones,
  )
  const resolve = createResolver({ hosts: config.hosts, lookupAll: nameServers.lookupAll })
  const aliasesOf: AliasesOf = async (name) =>
    config.hosts.has(name as HostName) ? [] : nameServers.aliasesOf(name)
  const answerName = createNameAnswerer({
    ...{ nameServers, resolve, hosts: config.hosts, decideName: access.decider.decideName },
    shares: openLookupShares(DNS_LOOKUPS),
  })
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
  const live = createLiveSessions()
  const sinks = openSinks(config.alerts, { log, now })
  watchForAlerts(live, {
    ...{ audit, log, now, send: sinks.send },
    rules: () => policyInForce.snapshot.current.policy.document.sshAlerts,
    requireLogin(deviceId, application) {
      const change = access.sessions.revoke({ kind: 'application_session', deviceId, application })
      // In the next turn, so that the user of the session that ends has read why.
      setImmediate(() => access.reconsideration.tell(change))
    },
  })
  const typedCommands = readTypedCommands(live, {
    isNeeded: ({ about: { application }, recorded, recordScope }) =>
      (recorded && recordScope === 'commands') ||
      looksAtCommands(application, policyInForce.snapshot.current.policy.document.sshAlerts),
    log,
  })
  audit.note('gateway_started', { revision: policyInForce.snapshot.current.revision })
  const checkpoints = await startCheckpoints(audit, {
    evidenceKey: data.keys.evidenceSigning,
    now,
    onFailure: (cause) => log.error({ error: String(cause) }, 'checkpoint not signed'),
  })
  const stopWatching = watchStore(() => data.store.foreignVersion(), data.sshAuthorities.notice)
  const parts = {
    ...{
      ...options,
      explainer,
      sshTargets,
      resolve,
      aliasesOf,
      answerName,
      resolvers: nameServers.status,
      flowTap: createFlowTap(),
      live,
      table,
      policyInForce,
      recording,
      audit,
      checkpoints,
      tls: tls.value,
      cutDevice,
      closers,
    },
    ...access,
    ...prompts,
    endAccess() {
      stopWatching()
      sinks.stop()
      void typedCommands.stop()
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
  return ok(assemble(listeners, { ...parts, expiry }))
}

/** The SSH certificates that people hold end with the registration of their device. */
function revokeHeld({ store, sshAuthorities }: OpenedData, deviceId: string): void {
  const device = store.devices.get(deviceId)
  const user = device && store.users.get(device.userId)
  if (user === undefined || sshAuthorities.trusted('client').length === 0) return
  sshAuthorities.revoke({ kind: 'key_id', value: clientKeyId(user.email, deviceId) })
}

async function allTls({ config, data, now }: GatewayOptions) {
  const { fips } = config
  const issue = (name: Listener['name']) =>
    listenerTls({ ...config[name], fips }, data.keys.gatewayCa, now())
  const [tunnel, login, admin] = [await issue('tunnel'), await issue('login'), await issue('admin')]
  if (!tunnel.ok) return tunnel
  if (!login.ok) return login
  if (!admin.ok) return admin
  return ok({ tunnel: tunnel.value, login: login.value, admin: admin.value })
}

function assemble(
  listeners: readonly Listener[],
  {
    table,
    policyInForce: { snapshot, replace },
    recording,
    reconsideration,
    holding,
    endAccess,
    checkpoints,
    expiry,
  }: Parts & { readonly expiry: HistoryExpiry },
): Gateway {
  return {
    addresses: Object.fromEntries(listeners.map(({ name, address }) => [name, address])),
    get revision() {
      return snapshot.current.revision
    },
    async reload(source, history) {
      if (history !== undefined) expiry.keep(history)
      await recording.reloadRecipients()
      await replace(source)
      const cutFlows = reconsideration.tell({ kind: 'everything' })
      return { revision: snapshot.current.revision, cutFlows }
    },
    async drain(deadlineMs) {
      const all = Promise.all(listeners.map((listener) => listener.drain(deadlineMs)))
      await within(deadlineMs + CLOSING_MS, all)
      endAccess()
      table.cutWhere(() => true, 'gateway_draining')
      holding.stop()
      checkpoints.stop()
      recording.stop()
      expiry.stop()
    },
  }
}

/** Waits for `work`, but no longer than `limitMs`. */
async function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([work, limit])
  clearTimeout(timer)
}
