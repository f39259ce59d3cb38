/**
 * What every store must do, whatever it is made of. Run by store.test.ts on each implementation.
 */
import type { ExecutionContext, TestFn } from 'ava'
import type { AccessRequest } from '../../gateway/access-request/access-request.ts'
import type { DnsLogLine } from '../../gateway/dns/dns-log-line.ts'
import type { FlowRecord } from '../../gateway/flow/flow-record.ts'
import type { Identity } from '../../gateway/identity/identity.ts'
import { newServiceToken, rotateToken } from '../../gateway/service-token/service-token.ts'
import type { AppSession } from '../../gateway/session/app-session.ts'
import type { IssuedSshCertificate } from '../../gateway/ssh-ca/issued-certificate.ts'
import type { SshAuthority } from '../../gateway/ssh-ca/ssh-authority.ts'
import type {
  BrowserSession,
  Device,
  Enrolment,
  FlowPage,
  LocalUser,
  RecordingRow,
  Store,
} from '../../gateway/store/store.ts'
import { sampleFacts } from '../support/sample-facts.ts'

/** SQLite's errors are no instances of Error. */
const ANY = { any: true } as const

/** Somebody who logged in. */
export const LOGIN: Identity = {
  provider: 'corp',
  providerSubject: 'sub-1',
  email: 'ann@example.com',
  name: 'Ann',
  groups: ['engineers', 'staff'],
  claims: { department: ['db'] },
  login: { atMs: 1000 },
}

const APPROVAL = {
  userId: 'user-1',
  login: { atMs: 7, amr: ['pwd', 'otp'], acr: 'high', notAfterMs: 9 },
} as const

const LOCAL: LocalUser = {
  id: 'local-1',
  email: 'ann@example.com',
  name: 'Ann',
  groups: ['engineers'],
  passwordHash: 'hash',
  createdAtMs: 1,
}

const ENROLMENT: Enrolment = {
  deviceCodeSha256: 'd1',
  userCodeSha256: 'u1',
  keySha256: 'k1',
  csrPem: 'csr',
  deviceName: 'laptop',
  sourceAddress: '192.0.2.7',
  expiresAtMs: 5000,
  state: 'pending',
}

function sshAuthority(id: string, createdAtMs: number): SshAuthority {
  const custody = { kind: 'file', file: 'a.key' } as const
  return { id, name: 'user', publicKey: 'ssh-ed25519 AAAA', custody, createdAtMs }
}

function sshCertificate(id: string, issuedAtMs: number): IssuedSshCertificate {
  return {
    ...{ id, kind: 'host', keyId: 'k', principals: ['db1'], authority: 'SHA256:a' },
    ...{ subject: 'SHA256:s', issuedAtMs, validUntilMs: 99 },
  }
}

/** A line of the DNS log. */
export function question(name: string, atMs: number): DnsLogLine {
  return {
    ...{ atMs, userId: 'u1', email: 'ann@example.com', deviceId: 'd1', name, type: 1 },
    ...{ verdict: 'permit', reason: 'name_within_reach', revision: 1, durationMs: 2 },
  }
}

/** A device of theirs. */
export function device(userId: string, change: Partial<Device> = {}): Device {
  return {
    id: 'device-1',
    userId,
    name: 'laptop',
    keySha256: 'k1',
    enrolledAtMs: 1000,
    login: { atMs: 1000 },
    ...change,
  }
}

/** A flow that was opened. */
export function flow(id: string, openedAtMs: number, change: Partial<FlowRecord> = {}): FlowRecord {
  return { id, state: 'opened', openedAtMs, facts: sampleFacts(), ...change }
}

/** A recording that is written. */
export function recording(id: string, startedAtMs: number): RecordingRow {
  return {
    id,
    flowId: 'flow-1',
    startedAtMs,
    userEmail: 'ann@example.com',
    deviceId: 'device-1',
    unixUser: 'demo',
    target: 'db1.corp.internal:22',
    application: 'db',
    state: 'open',
    sizeBytes: 0,
    file: `${id}.ztr`,
  }
}

function browserSession(
  idSha256: string,
  userId: string,
  change: Partial<BrowserSession> = {},
): BrowserSession {
  const login = { atMs: 1, amr: ['pwd'] }
  return { idSha256, userId, login, createdAtMs: 10, expiresAtMs: 100, ...change }
}

/** Declares the suite; `open` gives an empty store that the suite closes. */
export function storeContract(test: TestFn, name: string, open: () => Store): void {
  const title = (what: string) => `${name} store: ${what}`
  const withStore = (what: string, run: (t: ExecutionContext, store: Store) => void) =>
    test(title(what), (t) => {
      const store = open()
      t.teardown(() => store.close())
      run(t, store)
    })

  withStore('a user is one (provider, subject), and the newest login counts', (t, store) => {
    const first = store.users.upsert(LOGIN)
    const again = store.users.upsert({ ...LOGIN, email: 'ann@example.org', groups: [] })
    const other = store.users.upsert({ ...LOGIN, provider: 'second' })
    t.is(again.id, first.id)
    t.not(other.id, first.id)
    const { login, ...described } = LOGIN
    t.deepEqual(store.users.get(first.id), {
      ...described,
      lastLoginAtMs: login.atMs,
      id: first.id,
      email: 'ann@example.org',
      groups: [],
    })
    t.is(store.users.get('nobody'), undefined)
  })

  withStore(
    'A6: a directory changes groups and state of who logged in, and nothing else',
    (t, store) => {
      const user = store.users.upsert(LOGIN)
      const other = store.users.upsert({ ...LOGIN, provider: 'second' })
      const disabled = { ...user, groups: ['staff'], disabledAtMs: 7 }
      const now = { groups: ['staff'], disabledAtMs: 7 }
      t.deepEqual(store.users.refresh('corp', 'sub-1', now), disabled)
      t.deepEqual(store.users.get(user.id), disabled)
      t.deepEqual(store.users.get(other.id), other)
      t.is(store.users.upsert(LOGIN).disabledAtMs, 7)
      t.deepEqual(store.users.refresh('corp', 'sub-1', { groups: [] }), { ...user, groups: [] })
      t.is(store.users.refresh('corp', 'sub-2', { groups: [] }), undefined)
    },
  )

  withStore('A6: an account of the local directory, one for each address', (t, store) => {
    t.true(store.localUsers.insert(LOCAL))
    t.false(store.localUsers.insert({ ...LOCAL, id: 'local-2' }))
    t.throws(() => store.localUsers.insert({ ...LOCAL, email: 'x@example.com' }), ANY)
    const bob = { ...LOCAL, id: 'local-2', email: 'abe@example.com', temporaryUntilMs: 9 }
    t.true(store.localUsers.insert(bob))
    t.deepEqual(store.localUsers.byEmail('ann@example.com'), LOCAL)
    t.deepEqual(store.localUsers.get('local-2'), bob)
    t.deepEqual(store.localUsers.list(), [bob, LOCAL])
    t.is(store.localUsers.byEmail('nobody@example.com'), undefined)
    t.is(store.localUsers.get('nobody'), undefined)
  })

  withStore('A6: a password is replaced only while it is the one that was seen', (t, store) => {
    store.localUsers.insert({ ...LOCAL, temporaryUntilMs: 9 })
    t.false(store.localUsers.setPassword('local-1', 'other', { passwordHash: 'new' }))
    t.false(store.localUsers.setPassword('nobody', 'hash', { passwordHash: 'new' }))
    t.true(store.localUsers.setPassword('local-1', 'hash', { passwordHash: 'new' }))
    t.false(store.localUsers.setPassword('local-1', 'hash', { passwordHash: 'newer' }))
    t.deepEqual(store.localUsers.get('local-1'), { ...LOCAL, passwordHash: 'new' })
    const handed = { passwordHash: 'handed', temporaryUntilMs: 11 }
    t.true(store.localUsers.setPassword('local-1', 'new', handed))
    t.deepEqual(store.localUsers.get('local-1'), { ...LOCAL, ...handed })
  })

  withStore('A6: groups and state of an account', (t, store) => {
    store.localUsers.insert(LOCAL)
    store.localUsers.setGroups('local-1', ['b', 'a'])
    store.localUsers.setDisabled('local-1', 5)
    t.deepEqual(store.localUsers.get('local-1'), { ...LOCAL, groups: ['b', 'a'], disabledAtMs: 5 })
    store.localUsers.setDisabled('local-1')
    t.deepEqual(store.localUsers.get('local-1'), { ...LOCAL, groups: ['b', 'a'] })
    t.throws(() => store.localUsers.setGroups('nobody', []), ANY)
    t.throws(() => store.localUsers.setDisabled('nobody', 1), ANY)
  })

  withStore(
    'A6 T29: wrong guesses are counted, taken back, ended by a right one, forgotten',
    (t, store) => {
      const { guesses } = store
      t.is(guesses.get('k'), undefined)
      guesses.count('k', 10)
      guesses.count('k', 20)
      guesses.count('other', 5)
      t.deepEqual(guesses.get('k'), { failures: 2, lastAtMs: 20 })
      guesses.takeBack('k')
      t.deepEqual(guesses.get('k'), { failures: 1, lastAtMs: 20 })
      guesses.succeed('k', 30)
      guesses.takeBack('k')
      guesses.takeBack('nothing')
      guesses.count('once', 30)
      guesses.takeBack('once')
      t.is(guesses.get('once'), undefined)
      t.deepEqual(guesses.get('k'), { failures: 0, lastAtMs: 30, succeededAtMs: 30 })
      guesses.count('k', 40)
      t.deepEqual(guesses.get('k'), { failures: 1, lastAtMs: 40, succeededAtMs: 30 })
      guesses.forget(40)
      t.is(guesses.get('other'), undefined)
      t.is(guesses.get('k')?.failures, 1)
      t.is(guesses.get('nothing'), undefined)
    },
  )

  withStore('a device comes back as it went in, absent fields stay absent', (t, store) => {
    const user = store.users.upsert(LOGIN)
    store.devices.insert(device(user.id))
    store.devices.insert(device(user.id, { id: 'device-2', revokedAtMs: 7, lastSeenAtMs: 0 }))
    t.deepEqual(store.devices.get('device-1'), device(user.id))
    t.deepEqual(store.devices.list(), [
      device(user.id),
      device(user.id, { id: 'device-2', revokedAtMs: 7, lastSeenAtMs: 0 }),
    ])
    t.is(store.devices.get('device-3'), undefined)
  })

  withStore('G10: what was read before shows a change at once', (t, store) => {
    const { id } = store.users.upsert(LOGIN)
    store.devices.insert(device(id))
    t.is(store.devices.get('device-1')?.revokedAtMs, undefined)
    store.devices.update('device-1', { revokedAtMs: 9 })
    t.is(store.devices.get('device-1')?.revokedAtMs, 9)
    t.deepEqual(store.users.get(id)?.groups, LOGIN.groups)
    store.users.upsert({ ...LOGIN, groups: [] })
    t.deepEqual(store.users.get(id)?.groups, [])
  })

  withStore('a device is found by its key', (t, store) => {
    const user = store.users.upsert(LOGIN)
    store.devices.insert(device(user.id, { keySha256: 'k1' }))
    store.devices.insert(device(user.id, { id: 'device-2', keySha256: 'k2' }))
    t.is(store.devices.byKey('k2')?.id, 'device-2')
    t.is(store.devices.byKey('k3'), undefined)
  })

  withStore('a device is changed by name of the field, and only it', (t, store) => {
    const user = store.users.upsert(LOGIN)
    store.devices.insert(device(user.id))
    store.devices.insert(device(user.id, { id: 'device-2' }))
    store.devices.update('device-1', { revokedAtMs: 9, certificateNotAfterMs: 8 })
    store.devices.update('device-1', {})
    t.deepEqual(
      store.devices.get('device-1'),
      device(user.id, { revokedAtMs: 9, certificateNotAfterMs: 8 }),
    )
    t.deepEqual(store.devices.get('device-2'), device(user.id, { id: 'device-2' }))
  })

  withStore('refuses a device twice, of nobody, and a change of none', (t, store) => {
    const user = store.users.upsert(LOGIN)
    store.devices.insert(device(user.id))
    t.throws(() => store.devices.insert(device(user.id)), ANY)
    t.throws(() => store.devices.insert(device('nobody', { id: 'device-2' })), ANY)
    t.throws(() => store.devices.update('device-9', { name: 'x' }), ANY)
    t.throws(() => store.devices.update('device-9', {}), ANY)
    t.is(store.devices.list().length, 1)
  })

  withStore('D7: an enrolment is found by either code', (t, store) => {
    store.enrolments.insert(ENROLMENT)
    t.deepEqual(store.enrolments.byDeviceCode('d1'), ENROLMENT)
    t.deepEqual(store.enrolments.byUserCode('u1'), ENROLMENT)
    t.is(store.enrolments.byUserCode('d1'), undefined)
    t.throws(() => store.enrolments.insert(ENROLMENT), ANY)
    t.throws(() => store.enrolments.insert({ ...ENROLMENT, deviceCodeSha256: 'd2' }), ANY)
  })

  withStore('D7: a code moves once', (t, store) => {
    store.enrolments.insert(ENROLMENT)
    t.false(store.enrolments.move('d9', 'pending', 'approved', APPROVAL))
    t.true(store.enrolments.move('d1', 'pending', 'approved', APPROVAL))
    t.false(store.enrolments.move('d1', 'pending', 'denied'))
    t.true(store.enrolments.move('d1', 'approved', 'used'))
    t.false(store.enrolments.move('d1', 'approved', 'used'))
    t.deepEqual(store.enrolments.byDeviceCode('d1'), {
      ...ENROLMENT,
      ...APPROVAL,
      state: 'used',
    })
  })

  withStore('D7: expired codes are gone, others stay', (t, store) => {
    store.enrolments.insert(ENROLMENT)
    store.enrolments.insert({
      ...ENROLMENT,
      deviceCodeSha256: 'd2',
      userCodeSha256: 'u2',
      expiresAtMs: 5001,
    })
    store.enrolments.deleteExpired(5000)
    t.is(store.enrolments.byDeviceCode('d1'), undefined)
    t.is(store.enrolments.byDeviceCode('d2')?.expiresAtMs, 5001)
  })

  withStore('A6: what may be used once is used once, until its end', (t, store) => {
    t.true(store.replays.take('a', 5000, 1000))
    t.false(store.replays.take('a', 9000, 4999))
    t.true(store.replays.take('b', 5000, 4999))
    t.true(store.replays.take('a', 9000, 5000))
    t.false(store.replays.take('a', 9000, 5000))
  })

  withStore('A5: a browser session comes back, and is revoked once', (t, store) => {
    const { id } = store.users.upsert(LOGIN)
    store.browserSessions.insert(browserSession('a', id))
    t.deepEqual(store.browserSessions.get('a'), browserSession('a', id))
    t.is(store.browserSessions.get('b'), undefined)
    t.true(store.browserSessions.revoke('a', 20))
    t.false(store.browserSessions.revoke('a', 30))
    t.false(store.browserSessions.revoke('b', 30))
    t.is(store.browserSessions.get('a')?.revokedAtMs, 20)
    t.throws(() => store.browserSessions.insert(browserSession('a', id)), ANY)
    t.throws(() => store.browserSessions.insert(browserSession('b', 'nobody')), ANY)
  })

  withStore('A5: browser sessions are listed newest first, until they expire', (t, store) => {
    const { id } = store.users.upsert(LOGIN)
    const add = (name: string, createdAtMs: number, expiresAtMs = 100) =>
      store.browserSessions.insert(browserSession(name, id, { createdAtMs, expiresAtMs }))
    add('a', 10)
    add('c', 30)
    add('b', 30, 101)
    const names = (page: { limit: number; beforeMs?: number }) =>
      store.browserSessions.list(page).map(({ idSha256 }) => idSha256)
    t.deepEqual(names({ limit: 10 }), ['c', 'b', 'a'])
    t.deepEqual(names({ limit: 1, beforeMs: 30 }), ['a'])
    store.browserSessions.deleteExpired(100)
    t.deepEqual(names({ limit: 10 }), ['b'])
  })

  withStore('G12: the DNS log is listed newest first, a page at a time', (t, store) => {
    for (const name of ['a', 'b', 'c']) store.dnsLog.add(question(name, 10))
    const names = (page: { limit: number; before?: number }) =>
      store.dnsLog.list(page).map((line) => `${line.name}${line.sequence}`)
    t.deepEqual(names({ limit: 2 }), ['c3', 'b2'])
    t.deepEqual(names({ limit: 2, before: 2 }), ['a1'])
    t.deepEqual(store.dnsLog.list({ limit: 1, before: 2 }), [{ ...question('a', 10), sequence: 1 }])
  })

  withStore('G12: old lines of the DNS log are found oldest first, and removed', (t, store) => {
    const { dnsLog } = store
    for (const atMs of [20, 10, 10, 30]) dnsLog.add(question(String(atMs), atMs))
    t.deepEqual(dnsLog.aged({ beforeMs: 30, limit: 2 }), { ids: [2, 3], next: { atMs: 10, id: 3 } })
    const after = { atMs: 10, id: 2 }
    t.deepEqual(dnsLog.aged({ beforeMs: 30, limit: 3, after }), { ids: [3, 1] })
    dnsLog.remove([1, 2, 3, 17])
    t.deepEqual(
      dnsLog.list({ limit: 9 }).map(({ name }) => name),
      ['30'],
    )
  })

  withStore(
    'G11: flows that ended long ago and have no recording are found, and removed',
    (t, store) => {
      const { flows } = store
      flows.put(flow('recorded', 10, { closedAtMs: 11 }))
      flows.put(flow('b', 10, { closedAtMs: 29 }))
      flows.put(flow('a', 10))
      flows.put(flow('long', 15, { closedAtMs: 30 }))
      flows.put(flow('young', 30))
      const erased = { atMs: 12, reason: 'x', how: 'expired' } as const
      store.recordings.put({ ...recording('r', 10), flowId: 'recorded', erased })
      const next = { atMs: 10, id: 'b' }
      t.deepEqual(flows.aged({ beforeMs: 30, limit: 2 }), { ids: ['a', 'b'], next })
      t.deepEqual(flows.aged({ beforeMs: 30, limit: 9, after: next }), { ids: [] })
      t.deepEqual(flows.aged({ beforeMs: 31, limit: 4, after: next }), { ids: ['long', 'young'] })
      flows.remove(['a', 'nobody', 'b'])
      t.deepEqual(
        flows.list({ limit: 9 }).map(({ id }) => id),
        ['young', 'long', 'recorded'],
      )
    },
  )

  withStore('G11: a flow record is replaced by id and readable at once', (t, store) => {
    store.flows.put(flow('a', 10))
    store.flows.put(flow('a', 10, { state: 'closed', closedAtMs: 12, closeReason: 'done' }))
    t.deepEqual(
      store.flows.get('a'),
      flow('a', 10, { state: 'closed', closedAtMs: 12, closeReason: 'done' }),
    )
    t.is(store.flows.list({ limit: 10 }).length, 1)
    store.flows.put(flow('a', 10, { state: 'closed', sentBytes: 1 }))
    t.is(store.flows.get('a')?.sentBytes, 1)
    t.is(store.flows.get('b'), undefined)
  })

  withStore('flows of one moment are paged by id', (t, store) => {
    for (const id of ['b', 'd', 'a', 'c']) store.flows.put(flow(id, 10))
    store.flows.put(flow('z', 9))
    const ids = (page: FlowPage) => store.flows.list(page).map(({ id }) => id)
    t.deepEqual(ids({ limit: 2 }), ['d', 'c'])
    t.deepEqual(ids({ limit: 2, beforeMs: 10, beforeId: 'c' }), ['b', 'a'])
    t.deepEqual(ids({ limit: 2, beforeMs: 10, beforeId: 'a' }), ['z'])
    t.deepEqual(ids({ limit: 2, beforeMs: 10 }), ['z'])
  })

  withStore('flows are listed newest first, a page at a time', (t, store) => {
    for (const [id, atMs] of [
      ['a', 10],
      ['c', 30],
      ['b', 20],
      ['d', 30],
    ] as const) {
      store.flows.put(flow(id, atMs))
    }
    const ids = (page: { limit: number; beforeMs?: number }) =>
      store.flows.list(page).map(({ id }) => id)
    t.deepEqual(ids({ limit: 10 }), ['d', 'c', 'b', 'a'])
    t.deepEqual(ids({ limit: 2 }), ['d', 'c'])
    t.deepEqual(ids({ limit: 2, beforeMs: 30 }), ['b', 'a'])
    t.deepEqual(ids({ limit: 2, beforeMs: 10 }), [])
  })

  withStore('D10: posture is replaced by device and readable at once', (t, store) => {
    const { id } = store.users.upsert(LOGIN)
    store.devices.insert(device(id))
    t.deepEqual(store.posture.get('device-1'), [])
    const observation = {
      ...{ name: 'agent', kind: 'file', lookAt: ['/etc/agent'], observedAtMs: 5 },
      found: { kind: 'file', exists: true },
    } as const
    store.posture.put('device-1', [observation, { ...observation, name: 'other' }])
    store.posture.put('device-1', [observation])
    t.deepEqual(store.posture.get('device-1'), [observation])
    t.deepEqual(store.posture.get('device-2'), [])
  })

  withStore('recordings are replaced by id and listed newest first', (t, store) => {
    store.recordings.put(recording('a', 10))
    store.recordings.put(recording('b', 20))
    const done = { ...recording('a', 10), state: 'complete', endedAtMs: 15, sizeBytes: 99 } as const
    store.recordings.put(done)
    t.deepEqual(store.recordings.get('a'), done)
    t.deepEqual(store.recordings.list({ limit: 10 }), [recording('b', 20), done])
    t.deepEqual(store.recordings.list({ limit: 10, beforeMs: 20 }), [done])
    t.is(store.recordings.get('c'), undefined)
  })

  withStore('S7: recordings inside a session are told from those inside none', (t, store) => {
    const outer = recording('outer', 10)
    const inner = { ...recording('inner', 20), parent: 'outer' }
    const innermost = { ...recording('innermost', 30), parent: 'inner' }
    for (const row of [outer, inner, innermost]) store.recordings.put(row)
    t.deepEqual(store.recordings.list({ limit: 10, parent: 'outer' }), [inner])
    t.deepEqual(store.recordings.list({ limit: 10, parent: 'outer', beforeMs: 20 }), [])
    t.deepEqual(store.recordings.list({ limit: 1, parent: null }), [outer])
    t.deepEqual(store.recordings.list({ limit: 10 }), [innermost, inner, outer])
  })

  withStore('A11: a service token has one name, and is replaced whole', (t, store) => {
    const { token } = newServiceToken('backup', 5, 1)
    const full = {
      ...rotateToken(token, { graceMs: 1, lifetimeMs: 9 }, 2).token,
      lastUsedAtMs: 3,
      disabledAtMs: 4,
    }
    t.true(store.serviceTokens.insert(token))
    t.false(store.serviceTokens.insert({ ...token, id: 'other' }))
    t.throws(() => store.serviceTokens.insert({ ...token, name: 'other' }), ANY)
    t.deepEqual(store.serviceTokens.get(token.id), token)
    store.serviceTokens.replace(full)
    t.deepEqual(store.serviceTokens.get(token.id), full)
    store.serviceTokens.replace(token)
    const first = { ...token, id: 'other', name: 'abc' }
    t.true(store.serviceTokens.insert(first))
    t.deepEqual(store.serviceTokens.list(), [first, token])
    t.throws(() => store.serviceTokens.replace({ ...token, id: 'nobody' }), ANY)
    t.is(store.serviceTokens.get('nobody'), undefined)
  })

  withStore('S3: SSH authorities are replaced by key, oldest first', (t, store) => {
    const old = sshAuthority('SHA256:b', 1)
    const retired = { ...old, retiredAtMs: 2, trustedUntilMs: 9 }
    const next = {
      ...sshAuthority('SHA256:a', 2),
      custody: { kind: 'agent', socket: '/a' },
    } as const
    store.sshCa.putAuthorities([old])
    store.sshCa.putAuthorities([next, retired])
    t.deepEqual(store.sshCa.authorities(), [retired, next])
  })

  withStore('S3 T23: what was revoked stays revoked since then', (t, store) => {
    const first = { kind: 'serial', value: '7', atMs: 1 } as const
    const second = { kind: 'key_id', value: '7', atMs: 2 } as const
    for (const one of [second, first, { ...first, atMs: 3 }]) store.sshCa.revoke(one)
    t.deepEqual(
      store.sshCa
        .revocations()
        .map(({ kind }) => kind)
        .sort(),
      ['key_id', 'serial'],
    )
  })

  withStore('S2: issued SSH certificates are listed newest first, each once', (t, store) => {
    const host = sshCertificate('9', 1)
    const user = { ...sshCertificate('8', 2), userId: 'u', userEmail: 'a@b.c', deviceId: 'd' }
    for (const one of [host, user]) store.sshCa.logCertificate(one)
    t.deepEqual(store.sshCa.certificates({ limit: 9 }), [user, host])
    t.deepEqual(store.sshCa.certificates({ limit: 9, beforeMs: 2 }), [host])
    t.throws(() => store.sshCa.logCertificate(host), ANY)
  })

  withStore('S4: SSH targets are replaced by label, and removed', (t, store) => {
    const target = {
      ...{ label: 'db2', address: '10.0.0.5', ports: [22, 2222], tags: { env: 'prod' } },
      ...{ network: 'default' as const, hostKeys: ['ssh-ed25519 A'], hostAuthorities: [] },
      registeredAtMs: 5,
    } as const
    const other = { ...target, label: 'db1', tags: {}, hostKeys: [], hostAuthorities: ['k'] }
    store.sshTargets.put({ ...target, hostKeys: ['old'] })
    store.sshTargets.put(target)
    store.sshTargets.put(other)
    t.deepEqual(store.sshTargets.list(), [other, target])
    t.true(store.sshTargets.remove('db2'))
    t.false(store.sshTargets.remove('db2'))
    t.deepEqual(store.sshTargets.list(), [other])
  })

  withStore('A5: revocations are replaced by scope', (t, store) => {
    store.revocations.put({ scope: 'user:u', notBeforeMs: 1 })
    store.revocations.put({ scope: 'device:d', notBeforeMs: 2 })
    store.revocations.put({ scope: 'user:u', notBeforeMs: 3 })
    const scopes = store.revocations.list().map(({ scope, notBeforeMs }) => [scope, notBeforeMs])
    t.deepEqual(scopes.sort(), [
      ['device:d', 2],
      ['user:u', 3],
    ])
  })

  withStore(
    'A10: requests for access are kept as they are, listed by user and time',
    (t, store) => {
      const request = (id: string, change: Partial<AccessRequest> = {}): AccessRequest => ({
        ...{ id, kind: 'approval', userId: 'u1', deviceId: 'd1', application: 'wiki', policy: 'p' },
        ...{ purpose: 'to mend it', state: 'pending', requestedAtMs: 10, expiresAtMs: 20 },
        ...{ approvals: [], ...change },
      })
      store.accessRequests.put(request('a'))
      store.accessRequests.put(request('b', { userId: 'u2', requestedAtMs: 11 }))
      store.accessRequests.put(request('c', { requestedAtMs: 12 }))
      const decided = request('a', {
        ...{ state: 'approved', approvals: [{ by: 'lea@x.org', atMs: 13 }] },
        ...{ decidedBy: 'lea@x.org', decidedAtMs: 13, untilMs: 30 },
      })
      store.accessRequests.put(decided)
      t.deepEqual(store.accessRequests.get('a'), decided)
      t.is(store.accessRequests.get('x'), undefined)
      const ids = (found: readonly AccessRequest[]) => found.map(({ id }) => id)
      t.deepEqual(ids(store.accessRequests.ofUser('u1')), ['c', 'a'])
      t.deepEqual(ids(store.accessRequests.list({ limit: 2 })), ['c', 'b'])
      t.deepEqual(ids(store.accessRequests.list({ limit: 2, beforeMs: 11 })), ['a'])
    },
  )

  withStore('A5: application sessions are listed, all or of one application', (t, store) => {
    const session = (id: string, change: Partial<AppSession> = {}): AppSession => ({
      ...{
        id,
        deviceId: 'd1',
        userId: 'u1',
        application: 'wiki',
        login: { atMs: 1, amr: ['pwd'] },
      },
      ...{ startedAtMs: 10, lastUsedAtMs: 20, ...change },
    })
    store.appSessions.put(session('a'))
    store.appSessions.put(session('b', { deviceId: 'd2', startedAtMs: 11 }))
    store.appSessions.put(session('c', { userId: 'u2', application: 'db', startedAtMs: 12 }))
    store.appSessions.put(session('a', { lastUsedAtMs: 30, endsAtMs: 40 }))
    const ids = (filter: Parameters<typeof store.appSessions.list>[0]) =>
      store.appSessions.list(filter).map(({ id }) => id)
    t.deepEqual(store.appSessions.get('a'), session('a', { lastUsedAtMs: 30, endsAtMs: 40 }))
    t.deepEqual(ids({}), ['c', 'b', 'a'])
    t.deepEqual(ids({ application: 'wiki' }), ['b', 'a'])
    store.appSessions.deleteUnused(30)
    t.deepEqual(ids({}), ['a'])
    t.is(store.appSessions.get('b'), undefined)
  })

  withStore('users are found by their address, one for each provider', (t, store) => {
    const first = store.users.upsert(LOGIN)
    const second = store.users.upsert({ ...LOGIN, provider: 'second' })
    store.users.upsert({ ...LOGIN, providerSubject: 'sub-2', email: 'bob@example.com' })
    const ids = store.users.byEmail('ann@example.com').map(({ id }) => id)
    t.deepEqual([...ids].sort(), [first.id, second.id].sort())
    t.deepEqual(store.users.byEmail('nobody@example.com'), [])
  })

  withStore('a policy becomes a revision unless it is the newest already', (t, store) => {
    t.is(store.revisions.latest(), undefined)
    t.is(store.revisions.add('one', 's1', 1), 1)
    t.is(store.revisions.add('one', 's1', 2), 1)
    t.is(store.revisions.add('two', 's2', 3), 2)
    t.is(store.revisions.add('one', 's1', 4), 3)
    t.deepEqual(store.revisions.latest(), { revision: 3, text: 'one' })
  })

  withStore('S10: the audit log takes lines in order and keeps its tree', (t, store) => {
    const nodes = [{ level: 0, position: 0, hash: 'aa' }]
    t.is(store.audit.size, 0)
    t.true(store.audit.append({ sequence: 0, line: '{"a":0}', nodes }))
    t.false(store.audit.append({ sequence: 0, line: '{"a":1}', nodes: [] }))
    t.false(store.audit.append({ sequence: 2, line: '{"a":1}', nodes: [] }))
    const second = { sequence: 1, line: '{"a":1}', recordingId: 'r1' }
    t.true(store.audit.append({ ...second, nodes: [] }))
    t.is(store.audit.size, 2)
    t.is(store.audit.node(0, 0), 'aa')
    t.throws(() => store.audit.node(1, 0))
    t.deepEqual(store.audit.lines(0, 10), ['{"a":0}', '{"a":1}'])
    t.deepEqual(store.audit.lines(1, 1), ['{"a":1}'])
    t.deepEqual(store.audit.ofRecording('r1'), [{ sequence: 1, line: '{"a":1}' }])
  })

  withStore('closes twice without complaint', (t, store) => {
    store.close()
    t.notThrows(() => store.close())
  })
}
