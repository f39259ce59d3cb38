/**
 * The connection protocol as octets (RFC 4254): numbers, the headers the relay looks at, and the answers it gives.
 * Fields are read as far as a decision needs them; the rest of a message is the two ends' own business.
 */
import { MESSAGE } from '#lib/ssh/message-numbers'
import { SshReader } from '#lib/ssh/reader'
import { writeBoolean, writeByte, writeString, writeUint32 } from '#lib/ssh/writer'

/** Octets before the data in CHANNEL_DATA: type, recipient, length (RFC 4254 section 5.2). */
export const DATA_HEADER = 9
/** Octets before the data in CHANNEL_EXTENDED_DATA: one more uint32, the data type code. */
export const EXTENDED_DATA_HEADER = 13

/** SSH_OPEN_* codes (RFC 4254 section 5.1). */
export const OPEN_FAILURE = { administrativelyProhibited: 1, resourceShortage: 4 } as const

/** A request name that no implementation knows: its receiver answers FAILURE, in order, by itself. */
const UNKNOWN_REQUEST = 'denied@zt'
/** What sshd says with every refusal, so that clients print the words their users know. */
const OPEN_FAILURE_TEXT = 'open failed'

/** What a side says of its end of a channel. */
export type PeerEnd = {
  /** Its number for the channel. */
  readonly sender: number
  /** Octets that may be sent to it, together and in one message. */
  readonly windowBytes: number
  readonly packetBytes: number
}

/** CHANNEL_OPEN up to the fields that all channel types share. */
export type ChannelOpen = PeerEnd & {
  readonly kind: string
  /** Fields of the channel type. */
  readonly rest: Buffer
}

/** Reads CHANNEL_OPEN. @returns undefined when it is malformed. */
export function readChannelOpen(payload: Buffer): ChannelOpen | undefined {
  const reader = new SshReader(payload.subarray(1))
  const kind = nameOf(reader.string())
  const sender = reader.uint32()
  const windowBytes = reader.uint32()
  const packetBytes = reader.uint32()
  const { rest } = reader
  return reader.failed ? undefined : { kind, sender, windowBytes, packetBytes, rest }
}

/** OPEN_CONFIRMATION. */
export type OpenConfirmation = PeerEnd & { readonly recipient: number }

/** Reads OPEN_CONFIRMATION. @returns undefined when it is malformed. */
export function readOpenConfirmation(payload: Buffer): OpenConfirmation | undefined {
  const reader = new SshReader(payload.subarray(1))
  const recipient = reader.uint32()
  const sender = reader.uint32()
  const windowBytes = reader.uint32()
  const packetBytes = reader.uint32()
  return reader.failed ? undefined : { recipient, sender, windowBytes, packetBytes }
}

/** CHANNEL_REQUEST or GLOBAL_REQUEST up to the fields of the request itself. */
export type Request = {
  readonly name: string
  readonly wantReply: boolean
  readonly rest: Buffer
}

/** Reads what follows the recipient of CHANNEL_REQUEST. @returns undefined when it is malformed. */
export function readChannelRequest(payload: Buffer): Request | undefined {
  return readRequest(payload.subarray(5))
}

/** Reads GLOBAL_REQUEST. @returns undefined when it is malformed. */
export function readGlobalRequest(payload: Buffer): Request | undefined {
  return readRequest(payload.subarray(1))
}

function readRequest(octets: Buffer): Request | undefined {
  const reader = new SshReader(octets)
  const name = nameOf(reader.string())
  const wantReply = reader.boolean()
  return reader.failed ? undefined : { name, wantReply, rest: reader.rest }
}

/** A uint32 of a message, or undefined when the message ends before it. */
export function uint32At(payload: Buffer, offset: number): number | undefined {
  return payload.length < offset + 4 ? undefined : payload.readUInt32BE(offset)
}

/** The same CHANNEL_REQUEST under a name nobody knows, with the same want-reply. */
export function renameChannelRequest(payload: Buffer, request: Request): Buffer {
  return Buffer.concat([payload.subarray(0, 5), unknownRequest(request)])
}

/** A request to run a command in place of the program that the CHANNEL_REQUEST asks for, with the same want-reply. */
export function replaceByExec(payload: Buffer, request: Request, command: string): Buffer {
  const fields = [writeString('exec'), writeBoolean(request.wantReply), writeString(command)]
  return Buffer.concat([payload.subarray(0, 5), ...fields])
}

/** The same GLOBAL_REQUEST under a name nobody knows, with the same want-reply. */
export function renameGlobalRequest(request: Request): Buffer {
  return Buffer.concat([writeByte(MESSAGE.globalRequest), unknownRequest(request)])
}

function unknownRequest(request: Request): Buffer {
  return Buffer.concat([writeString(UNKNOWN_REQUEST), writeBoolean(request.wantReply)])
}

/** CHANNEL_OPEN_FAILURE for the side that asked. */
export function openFailure(recipient: number, code: number, text = OPEN_FAILURE_TEXT): Buffer {
  return Buffer.concat([
    writeByte(MESSAGE.channelOpenFailure),
    writeUint32(recipient),
    writeUint32(code),
    writeString(text),
    writeString(''),
  ])
}

export function channelData(recipient: number, bytes: Buffer): Buffer {
  return Buffer.concat([writeByte(MESSAGE.channelData), writeUint32(recipient), writeString(bytes)])
}

export function channelEof(recipient: number): Buffer {
  return toChannel(MESSAGE.channelEof, recipient)
}

export function channelClose(recipient: number): Buffer {
  return toChannel(MESSAGE.channelClose, recipient)
}

export function channelFailure(recipient: number): Buffer {
  return toChannel(MESSAGE.channelFailure, recipient)
}

export function windowAdjust(recipient: number, octets: number): Buffer {
  return toChannel(MESSAGE.channelWindowAdjust, recipient, octets)
}

/** @param numbers our number, window and longest data. */
export function openConfirmation(recipient: number, ...numbers: readonly number[]): Buffer {
  return toChannel(MESSAGE.channelOpenConfirmation, recipient, ...numbers)
}

/** @param fields of the channel type. */
export function channelOpen(
  kind: string,
  sender: number,
  windowBytes: number,
  packetBytes: number,
  fields: Buffer,
): Buffer {
  const numbers = [sender, windowBytes, packetBytes].map(writeUint32)
  return Buffer.concat([writeByte(MESSAGE.channelOpen), writeString(kind), ...numbers, fields])
}

/** A message that is a type, a recipient and further numbers. */
function toChannel(type: number, recipient: number, ...numbers: readonly number[]): Buffer {
  return Buffer.concat([writeByte(type), ...[recipient, ...numbers].map(writeUint32)])
}

/** Names are compared octet by octet: latin1 keeps different octets different (RFC 4250 section 4.6.1 has ASCII only). */
function nameOf(octets: Buffer): string {
  return octets.toString('latin1')
}
