/**
 * The SSH authorities of a gateway: their keys, in files or with an agent, and what was revoked. Everything is read from
 * the store when it is asked for, so that several gateways agree and a restart changes nothing.
 */
import { createPublicKey } from 'node:crypto'
import { join } from 'node:path'
import { err, ok, type Result } from '#lib/result'
import { AuthorityUnavailable, type CertificateSigner } from '#lib/ssh/certificate-mint'
import { fingerprint, parsePublicKey, publicKeyBlob } from '#lib/ssh/public-key'
import { printPublicKeyLine } from '#lib/ssh/public-key-line'
import type { KeyRefusal } from '../keys/key-store.ts'
import type { Store } from '../store/store.ts'
import {
  type KeySource,
  keepKey,
  obtain,
  openSigner,
  readKeyFile,
  type SourceRefusal,
} from './authority-keys-os.ts'
import {
  type AuthorityState,
  authorityState,
  type Custody,
  retire,
  SSH_AUTHORITY_NAMES,
  type SshAuthority,
  type SshAuthorityName,
  trustedKeys,
} from './ssh-authority.ts'
import {
  blobOf,
  type CertificateMark,
  indexRevocations,
  type RevocationIndex,
  revocationFile,
  type SshRevocation,
} from './ssh-revocation.ts'

/** Why an authority gets no other key. */
export type AdoptRefusal = SourceRefusal | 'authority_exists' | 'no_such_authority' | 'key_in_use'

export type ListedAuthority = SshAuthority & { readonly state: AuthorityState }

export type SshAuthoritiesOptions = {
  readonly store: Pick<Store, 'sshCa' | 'foreignVersion'>
  /** Folder of private keys. */
  readonly dir: string
  /** Whether a key of this type may sign: FIPS mode has a say. Default: any. */
  readonly isSuitable?: (type: string) => boolean
  /** Unix milliseconds. */
  readonly now: () => number
}

/** What sessions need of them. */
export type SessionAuthorities = Pick<SshAuthorities, 'signer' | 'blobs' | 'isRevoked' | 'onChange'>

export interface SshAuthorities {
  /** Signs new certificates. @throws {AuthorityUnavailable} when there is none, it was revoked, or its key cannot be read. */
  signer(name: SshAuthorityName): CertificateSigner
  /** Keys that count now, the one that signs first. */
  trusted(name: SshAuthorityName): readonly SshAuthority[]
  /** Their plain key blobs. */
  blobs(name: SshAuthorityName): readonly Buffer[]
  list(): readonly ListedAuthority[]
  /** Makes an authority that is not there yet. */
  create(name: SshAuthorityName, source: KeySource): Promise<Result<SshAuthority, AdoptRefusal>>
  /** Has another key sign from now on; the ones before are trusted for `overlapMs` more. */
  rotate(
    name: SshAuthorityName,
    source: KeySource,
    overlapMs: number,
  ): Promise<Result<SshAuthority, AdoptRefusal>>
  revoke(revocation: Omit<SshRevocation, 'atMs'>): void
  revocations(): readonly SshRevocation[]
  isRevoked(mark: CertificateMark): boolean
  /** As OpenSSH reads it (KRL). */
  revocationFile(): Buffer
  /** Told when an authority or a revocation was added, here or by another process. @returns what ends it. */
  onChange(listener: () => void): () => void
  /** Another process has written to the store. */
  notice(): void
}

/**
 * Opens them; the keys that `init` made become the first ones.
 * @returns the authorities, or why a key that signs cannot be used.
 */
export function openSshAuthorities(
  options: SshAuthoritiesOptions,
): Result<SshAuthorities, KeyRefusal> {
  const { store, dir, now, isSuitable = () => true } = options
  const signers = new Map<string, CertificateSigner>()
  const listeners = new Set<() => void>()
  let index: { readonly version: string; readonly of: RevocationIndex } | undefined
  let writes = 0

  function revoked(): RevocationIndex {
    const version = `${writes} ${store.foreignVersion()}`
    if (index?.version !== version) {
      index = { version, of: indexRevocations(store.sshCa.revocations()) }
    }
    return index.of
  }
  function changed(): void {
    writes++
    for (const listener of listeners) listener()
  }
  function keysOf(name: SshAuthorityName): readonly SshAuthority[] {
    return trustedKeys(store.sshCa.authorities(), name, revoked().authorities, now())
  }
  function signing(name: SshAuthorityName): SshAuthority | undefined {
    return keysOf(name).find(({ retiredAtMs }) => retiredAtMs === undefined)
  }
  function open(authority: SshAuthority): Result<CertificateSigner, KeyRefusal> {
    const known = signers.get(authority.id)
    const opened = known === undefined ? openSigner(dir, authority) : ok(known)
    if (opened.ok) signers.set(authority.id, opened.value)
    return opened
  }
  async function adopt(
    name: SshAuthorityName,
    source: KeySource,
    overlapMs: number,
  ): Promise<Result<SshAuthority, AdoptRefusal>> {
    const found = await obtain(source)
    if (!found.ok) return found
    const { blob, type } = found.value
    if (!isSuitable(type)) return err('unsuitable_key')
    const all = store.sshCa.authorities()
    if (all.some(({ id }) => id === fingerprint(blob))) return err('key_in_use')
    const custody = keepKey(dir, name, found.value)
    const added = rowOf(name, blob, custody, now())
    const before = all.filter((one) => one.name === name)
    store.sshCa.putAuthorities([...before.map((one) => retire(one, overlapMs, now())), added])
    changed()
    return ok(added)
  }

  for (const row of firstKeys(dir, store.sshCa.authorities(), now())) {
    if (!row.ok) return row
    store.sshCa.putAuthorities([row.value])
  }
  for (const name of SSH_AUTHORITY_NAMES) {
    const authority = signing(name)
    const opened = authority && open(authority)
    if (opened?.ok === false) return opened
    if (opened !== undefined && !isSuitable(typeOf(opened.value.blob))) {
      return err({
        reason: 'bad_key',
        message: `the key of the ssh-${name}-ca is not allowed in FIPS mode; before turning it on, run "zt admin ssh-ca rotate ${name} --type ecdsa"`,
      })
    }
  }

  return ok({
    signer(name) {
      const authority = signing(name)
      if (authority === undefined) throw new AuthorityUnavailable(`no ssh-${name}-ca signs`)
      const opened = open(authority)
      if (!opened.ok) throw new AuthorityUnavailable(opened.error.message)
      return opened.value
    },
    trusted: keysOf,
    blobs: (name) => keysOf(name).map(blobOf),
    list: () =>
      store.sshCa.authorities().map((one) => ({
        ...one,
        state: authorityState(one, revoked().authorities, now()),
      })),
    async create(name, source) {
      const exists = store.sshCa.authorities().some((one) => one.name === name)
      return exists ? err('authority_exists') : adopt(name, source, 0)
    },
    async rotate(name, source, overlapMs) {
      const exists = store.sshCa.authorities().some((one) => one.name === name)
      return exists ? adopt(name, source, overlapMs) : err('no_such_authority')
    },
    revoke(revocation) {
      store.sshCa.revoke({ ...revocation, atMs: now() })
      changed()
    },
    revocations: () => store.sshCa.revocations(),
    isRevoked: (mark) => revoked().isRevoked(mark),
    revocationFile: () =>
      revocationFile(store.sshCa.revocations(), store.sshCa.authorities(), now()),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    notice: changed,
  })
}

/** The keys that `init` made, where the store knows none yet. */
function firstKeys(dir: string, known: readonly SshAuthority[], nowMs: number) {
  return (['user', 'host'] as const)
    .filter((name) => !known.some((one) => one.name === name))
    .map((name): Result<SshAuthority, KeyRefusal> => {
      const custody = { kind: 'file', file: `ssh-${name}-ca.key` } as const
      const key = readKeyFile(join(dir, custody.file))
      if (!key.ok) return key
      return ok(rowOf(name, publicKeyBlob(createPublicKey(key.value)), custody, nowMs))
    })
}

function rowOf(
  name: SshAuthorityName,
  blob: Buffer,
  custody: Custody,
  createdAtMs: number,
): SshAuthority {
  const publicKey = printPublicKeyLine(blob, `zt-ssh-${name}-ca`)
  return { id: fingerprint(blob), name, publicKey, custody, createdAtMs }
}

function typeOf(blob: Buffer): string {
  const key = parsePublicKey(blob)
  return key.ok ? key.value.type : ''
}
