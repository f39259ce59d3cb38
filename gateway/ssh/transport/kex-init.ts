/** The KEXINIT message (RFC 4253 section 7.1): offer, read, agree. */
import { randomBytes } from 'node:crypto'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { SshReader } from '#lib/ssh/reader'
import { writeBoolean, writeByte, writeNameList, writeUint32 } from '#lib/ssh/writer'
import { isAead } from './packet-cipher.ts'
import type { AlgorithmLists, Negotiated } from './transport-types.ts'

export type Role = 'client' | 'server'

/** What one side offers. */
export type KexOffer = {
  readonly kex: readonly string[]
  readonly hostKeys: readonly string[]
  readonly ciphersToServer: readonly string[]
  readonly ciphersToClient: readonly string[]
  readonly macsToServer: readonly string[]
  readonly macsToClient: readonly string[]
  /** An optimistic first packet follows (RFC 4253 section 7). */
  readonly isGuessSent: boolean
}

const COOKIE_OCTETS = 16
/** OpenSSH PROTOCOL section 1.10: names that say "I follow strict key exchange" (T01). */
const STRICT = { client: 'kex-strict-c-v00@openssh.com', server: 'kex-strict-s-v00@openssh.com' }
/** RFC 8308 section 2.1. */
const EXT_INFO = { client: 'ext-info-c', server: 'ext-info-s' }

/** Our KEXINIT payload. A server need not ask for EXT_INFO: what a client would say changes nothing for us. */
export function writeKexInit(
  role: Role,
  lists: AlgorithmLists,
  hostKeys: readonly string[],
): Buffer {
  const extras = role === 'client' ? [EXT_INFO.client, STRICT.client] : [STRICT.server]
  const { ciphers, macs } = lists
  const nameLists = [[...lists.kex, ...extras], hostKeys, ciphers, ciphers, macs, macs]
  const compression = ['none']
  return Buffer.concat([
    writeByte(MESSAGE.kexInit),
    randomBytes(COOKIE_OCTETS),
    ...[...nameLists, compression, compression, [], []].map(writeNameList),
    writeBoolean(false),
    writeUint32(0),
  ])
}

/** @returns the offer, or undefined when it is malformed or does not allow "no compression". */
export function readKexInit(payload: Buffer): KexOffer | undefined {
  const reader = new SshReader(payload)
  reader.bytes(1 + COOKIE_OCTETS)
  const kex = reader.nameList()
  const hostKeys = reader.nameList()
  const ciphersToServer = reader.nameList()
  const ciphersToClient = reader.nameList()
  const macsToServer = reader.nameList()
  const macsToClient = reader.nameList()
  const compressions = [reader.nameList(), reader.nameList()]
  reader.nameList() // languages
  reader.nameList()
  const isGuessSent = reader.boolean()
  reader.uint32() // reserved
  const isUsable = compressions.every((names) => names.includes('none'))
  if (!reader.complete || !isUsable) return undefined
  const ciphers = { ciphersToServer, ciphersToClient }
  return { kex, hostKeys, ...ciphers, macsToServer, macsToClient, isGuessSent }
}

/** Whether the offer of a peer in `role` asks for EXT_INFO. */
export function wantsExtInfo(offer: KexOffer, role: Role): boolean {
  return offer.kex.includes(EXT_INFO[role])
}

/** Whether the offer of a peer in `role` promises strict key exchange; only the first offer counts. */
export function isStrict(offer: KexOffer, role: Role): boolean {
  return offer.kex.includes(STRICT[role])
}

/** Whether the guessed packet is void: the first names differ (RFC 4253 section 7). */
export function isGuessWrong(ours: KexOffer, theirs: KexOffer): boolean {
  return ours.kex[0] !== theirs.kex[0] || ours.hostKeys[0] !== theirs.hostKeys[0]
}

/**
 * The algorithms both have, the client's order first.
 * @param lists our real algorithms: the pseudo names in our offer can never be agreed on.
 * @returns undefined when there is none of some kind.
 */
export function negotiate(
  role: Role,
  ours: KexOffer,
  theirs: KexOffer,
  lists: AlgorithmLists,
  strict: boolean,
): Negotiated | undefined {
  const [client, server] = role === 'client' ? [ours, theirs] : [theirs, ours]
  const first = (list: keyof Omit<KexOffer, 'isGuessSent'>, known?: readonly string[]) =>
    client[list].find((name) => server[list].includes(name) && (known?.includes(name) ?? true))
  const kex = first('kex', lists.kex)
  const hostKey = first('hostKeys')
  const toServer = protection(first('ciphersToServer'), first('macsToServer'))
  const toClient = protection(first('ciphersToClient'), first('macsToClient'))
  if (!kex || !hostKey || !toServer || !toClient) return undefined
  const [input, output] = role === 'client' ? [toClient, toServer] : [toServer, toClient]
  const ciphers = { cipherIn: input.cipher, cipherOut: output.cipher }
  return { kex, hostKey, ...ciphers, macIn: input.mac, macOut: output.mac, strict }
}

function protection(cipher: string | undefined, mac: string | undefined) {
  if (cipher === undefined) return undefined
  if (isAead(cipher)) return { cipher, mac: '<implicit>' }
  return mac === undefined ? undefined : { cipher, mac }
}
