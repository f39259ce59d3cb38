/**
 * A store that forgets at exit: for tests, and the plainest reading of the contract in ./store.ts.
 */
import { randomUUID } from 'node:crypto'
import type { AccessRequest } from '../access-request/access-request.ts'
import type { FlowRecord } from '../flow/flow-record.ts'
import type { TimedObservation } from '../policy/judge-posture.ts'
import type { AppSession } from '../session/app-session.ts'
import type { Revocation } from '../session/revocation.ts'
import { agedAmong } from './aged-rows.ts'
import { memoryAudit } from './memory-audit-store.ts'
import { memoryDnsLog } from './memory-dns-log-store.ts'
import { memoryGuesses, memoryLocalUsers } from './memory-local-store.ts'
import { memoryServiceTokens } from './memory-service-token-store.ts'
import { memorySshCa } from './memory-ssh-ca-store.ts'
import type {
  BrowserSession,
  Device,
  Enrolment,
  FlowPage,
  RecordingPage,
  RecordingRow,
  Store,
  StoredTarget,
  User,
} from './store.ts'

type Revision = { readonly revision: number; readonly text: string; readonly sha256: string }

/** Opens an empty store. */
export function openMemoryStore(): Store {
  const users = new Map<string, User>()
  const recordings = recordingTable()
  const posture = new Map<string, readonly TimedObservation[]>()
  return {
    users: userTable(users),
    localUsers: memoryLocalUsers(),
    guesses: memoryGuesses(),
    devices: deviceTable(users),
    serviceTokens: memoryServiceTokens(),
    sshTargets: sshTargetTable(),
    enrolments: enrolmentTable(),
    replays: replayTable(),
    browserSessions: browserSessionTable(users),
    flows: flowTable(recordings),
    posture: {
      get: (deviceId) => posture.get(deviceId) ?? [],
      put: (deviceId, observations) => void posture.set(deviceId, observations),
    },
    recordings,
    dnsLog: memoryDnsLog(),
    revocations: revocationTable(),
    accessRequests: accessRequestTable(),
    appSessions: appSessionTable(),
    sshCa: memorySshCa(),
    revisions: revisionTable(),
    audit: memoryAudit(),
    foreignVersion: () => 0,
    close() {},
  }
}

function sshTargetTable(): Store['sshTargets'] {
  const targets = new Map<string, StoredTarget>()
  return {
    put: (target) => void targets.set(target.label, target),
    list: () => [...targets.values()].sort((a, b) => (a.label < b.label ? -1 : 1)),
    remove: (label) => targets.delete(label),
  }
}

function userTable(users: Map<string, User>): Store['users'] {
  const find = (provider: string, subject: string): User | undefined =>
    [...users.values()].find(
      (user) => user.provider === provider && user.providerSubject === subject,
    )
  const put = (user: User): User => {
    users.set(user.id, user)
    return user
  }
  return {
    upsert({ login, ...identity }) {
      const known = find(identity.provider, identity.providerSubject) ?? { id: randomUUID() }
      return put({ ...known, ...identity, lastLoginAtMs: login.atMs })
    },
    get: (id) => users.get(id),
    refresh(provider, subject, now) {
      const known = find(provider, subject)
      if (known === undefined) return undefined
      const { disabledAtMs: _, ...user } = known
      return put({ ...user, ...now })
    },
    byEmail: (email) => [...users.values()].filter((user) => user.email === email),
  }
}

function deviceTable(users: ReadonlyMap<string, User>): Store['devices'] {
  const devices = new Map<string, Device>()
  return {
    insert(device) {
      if (!users.has(device.userId)) throw new Error(`device ${device.id} has no such user`)
      insertOnce(devices, device.id, device)
    },
    get: (id) => devices.get(id),
    byKey: (sha256) => [...devices.values()].find((device) => device.keySha256 === sha256),
    list: () => [...devices.values()],
    update(id, change) {
      const device = devices.get(id)
      if (device === undefined) throw new Error(`no device ${id}`)
      devices.set(id, { ...device, ...change })
    },
  }
}

function enrolmentTable(): Store['enrolments'] {
  const enrolments = new Map<string, Enrolment>()
  const byUserCode = (sha256: string): Enrolment | undefined =>
    [...enrolments.values()].find((enrolment) => enrolment.userCodeSha256 === sha256)
  return {
    insert(enrolment) {
      if (byUserCode(enrolment.userCodeSha256)) throw new Error('user code is taken')
      insertOnce(enrolments, enrolment.deviceCodeSha256, enrolment)
    },
    byDeviceCode: (sha256) => enrolments.get(sha256),
    byUserCode,
    move(sha256, from, to, approval = {}) {
      const enrolment = enrolments.get(sha256)
      if (enrolment?.state !== from) return false
      enrolments.set(sha256, { ...enrolment, ...approval, state: to })
      return true
    },
    deleteExpired(nowMs) {
      for (const [key, enrolment] of enrolments) {
        if (enrolment.expiresAtMs <= nowMs) enrolments.delete(key)
      }
    },
  }
}

function replayTable(): Store['replays'] {
  const ends = new Map<string, number>()
  return {
    take(key, expiresAtMs, nowMs) {
      for (const [taken, end] of ends) if (end <= nowMs) ends.delete(taken)
      if (ends.has(key)) return false
      ends.set(key, expiresAtMs)
      return true
    },
  }
}

function browserSessionTable(users: ReadonlyMap<string, User>): Store['browserSessions'] {
  const sessions = new Map<string, BrowserSession>()
  return {
    insert(session) {
      if (!users.has(session.userId)) throw new Error('a browser session of nobody')
      insertOnce(sessions, session.idSha256, session)
    },
    get: (idSha256) => sessions.get(idSha256),
    revoke(idSha256, revokedAtMs) {
      const session = sessions.get(idSha256)
      if (session === undefined || session.revokedAtMs !== undefined) return false
      sessions.set(idSha256, { ...session, revokedAtMs })
      return true
    },
    list: (page) => newestFirst(sessions.values(), page, (one) => [one.createdAtMs, one.idSha256]),
    deleteExpired(nowMs) {
      for (const [key, session] of sessions) {
        if (session.expiresAtMs <= nowMs) sessions.delete(key)
      }
    },
  }
}

function flowTable(recordings: Store['recordings']): Store['flows'] {
  const rows = new Map<string, FlowRecord>()
  const flows = listing<FlowRecord>((record) => record.openedAtMs, rows)
  const isRecorded = (id: string) =>
    recordings.list({ limit: Number.MAX_SAFE_INTEGER }).some(({ flowId }) => flowId === id)
  return {
    ...flows,
    aged(page) {
      const mayGo = ({ id, openedAtMs, closedAtMs = openedAtMs }: FlowRecord) =>
        closedAtMs < page.beforeMs && !isRecorded(id)
      const all = [...rows.values()]
      return agedAmong(
        all.map((flow) => ({ atMs: flow.openedAtMs, id: flow.id, mayGo: mayGo(flow) })),
        page,
      )
    },
    remove(ids) {
      for (const id of ids) rows.delete(id)
    },
  }
}

/** Rows by id, listed newest first; equal times by id, so that the order is the same in every store. */
function listing<Row extends { readonly id: string }>(
  timeOf: (row: Row) => number,
  rows = new Map<string, Row>(),
) {
  return {
    put(row: Row): void {
      rows.set(row.id, row)
    },
    get: (id: string): Row | undefined => rows.get(id),
    list: (page: FlowPage) => newestFirst(rows.values(), page, (row) => [timeOf(row), row.id]),
  }
}

function revocationTable(): Store['revocations'] {
  const revocations = new Map<string, Revocation>()
  return {
    put(revocation) {
      revocations.set(revocation.scope, revocation)
    },
    list: () => [...revocations.values()],
  }
}

function recordingTable(): Store['recordings'] {
  const recordings = listing<RecordingRow>((row) => row.startedAtMs)
  const isMeant = (row: RecordingRow, parent: RecordingPage['parent']) =>
    parent === undefined || (row.parent ?? null) === parent
  return {
    ...recordings,
    list: ({ parent, limit, ...page }) =>
      recordings
        .list({ ...page, limit: Number.MAX_SAFE_INTEGER })
        .filter((row) => isMeant(row, parent))
        .slice(0, limit),
  }
}

function accessRequestTable(): Store['accessRequests'] {
  const requests = listing<AccessRequest>((request) => request.requestedAtMs)
  return {
    ...requests,
    ofUser: (id) =>
      requests.list({ limit: Number.MAX_SAFE_INTEGER }).filter(({ userId }) => userId === id),
  }
}

function appSessionTable(): Store['appSessions'] {
  const sessions = new Map<string, AppSession>()
  return {
    put(session) {
      sessions.set(session.id, session)
    },
    get: (id) => sessions.get(id),
    list: ({ application: wanted }) =>
      [...sessions.values()]
        .filter(({ application }) => wanted === undefined || application === wanted)
        .sort((a, b) => b.startedAtMs - a.startedAtMs || (a.id < b.id ? 1 : -1)),
    deleteUnused(sinceMs) {
      for (const { id, lastUsedAtMs } of sessions.values()) {
        if (lastUsedAtMs < sinceMs) sessions.delete(id)
      }
    },
  }
}

function newestFirst<Row>(
  rows: Iterable<Row>,
  { limit, beforeMs = Number.POSITIVE_INFINITY, beforeId = '' }: FlowPage,
  keyOf: (row: Row) => readonly [atMs: number, id: string],
): readonly Row[] {
  return [...rows]
    .map((row) => ({ row, key: keyOf(row) }))
    .filter(({ key: [atMs, id] }) => atMs < beforeMs || (atMs === beforeMs && id < beforeId))
    .sort(({ key: [aMs, a] }, { key: [bMs, b] }) => bMs - aMs || (a < b ? 1 : -1))
    .slice(0, limit)
    .map(({ row }) => row)
}

function revisionTable(): Store['revisions'] {
  const revisions: Revision[] = []
  return {
    add(text, sha256, _atMs) {
      const newest = revisions.at(-1)
      if (newest?.sha256 === sha256) return newest.revision
      const revision = (newest?.revision ?? 0) + 1
      revisions.push({ revision, text, sha256 })
      return revision
    },
    latest() {
      const newest = revisions.at(-1)
      return newest && { revision: newest.revision, text: newest.text }
    },
  }
}

function insertOnce<Row>(rows: Map<string, Row>, id: string, row: Row): void {
  if (rows.has(id)) throw new Error(`${id} is in the store already`)
  rows.set(id, row)
}
