/** Messages of RFC 4254 as octets, for tables and generators. */
import { MESSAGE } from '#lib/ssh/message-numbers'
import { writeBoolean, writeByte, writeString, writeUint32 } from '#lib/ssh/writer'

const WINDOW = 2 ** 21
const PACKET = 2 ** 15

export function channelOpen(
  sender: number,
  kind = 'session',
  rest: Buffer = Buffer.alloc(0),
  windowBytes = WINDOW,
): Buffer {
  const numbers = [sender, windowBytes, PACKET].map(writeUint32)
  return Buffer.concat([writeByte(MESSAGE.channelOpen), writeString(kind), ...numbers, rest])
}

export function openConfirmation(recipient: number, sender: number, windowBytes = WINDOW): Buffer {
  const numbers = [recipient, sender, windowBytes, PACKET].map(writeUint32)
  return Buffer.concat([writeByte(MESSAGE.channelOpenConfirmation), ...numbers])
}

export function channelRequest(
  recipient: number,
  name: string,
  rest: Buffer = Buffer.alloc(0),
  wantReply = true,
): Buffer {
  const head = [writeByte(MESSAGE.channelRequest), writeUint32(recipient), writeString(name)]
  return Buffer.concat([...head, writeBoolean(wantReply), rest])
}

export function globalRequest(
  name: string,
  rest: Buffer = Buffer.alloc(0),
  wantReply = true,
): Buffer {
  const head = [writeByte(MESSAGE.globalRequest), writeString(name), writeBoolean(wantReply)]
  return Buffer.concat([...head, rest])
}

export function channelData(recipient: number, bytes: Uint8Array | string): Buffer {
  return Buffer.concat([writeByte(MESSAGE.channelData), writeUint32(recipient), writeString(bytes)])
}

export function extendedData(recipient: number, bytes: Uint8Array | string): Buffer {
  const head = [writeByte(MESSAGE.channelExtendedData), writeUint32(recipient), writeUint32(1)]
  return Buffer.concat([...head, writeString(bytes)])
}

/** A message that is a type, a recipient and further uint32s. */
export function numbersMessage(type: number, ...numbers: readonly number[]): Buffer {
  return Buffer.concat([writeByte(type), ...numbers.map(writeUint32)])
}

/** Fields in a row: text as strings, numbers as uint32. */
export function fields(...values: readonly (string | number | Buffer)[]): Buffer {
  return Buffer.concat(
    values.map((value) => (typeof value === 'number' ? writeUint32(value) : writeString(value))),
  )
}
