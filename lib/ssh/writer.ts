/** Writes SSH data types (RFC 4251 section 5). */

const BYTE = Array.from({ length: 256 }, (_, value) => Buffer.of(value))

/** @param value 0 to 255. */
export function writeByte(value: number): Buffer {
  const octet = BYTE[value]
  if (octet === undefined) throw new RangeError(`not an octet: ${value}`)
  return octet
}

export function writeBoolean(value: boolean): Buffer {
  return writeByte(value ? 1 : 0)
}

export function writeUint32(value: number): Buffer {
  const octets = Buffer.allocUnsafe(4)
  octets.writeUInt32BE(value)
  return octets
}

export function writeUint64(value: bigint): Buffer {
  const octets = Buffer.allocUnsafe(8)
  octets.writeBigUInt64BE(value)
  return octets
}

/** Text goes out as UTF-8. */
export function writeString(value: Uint8Array | string): Buffer {
  const content = typeof value === 'string' ? Buffer.from(value) : value
  return Buffer.concat([writeUint32(content.length), content])
}

/** A non-negative integer given as big-endian octets, leading zeros allowed, as an mpint of the shortest form. */
export function writePositiveInteger(magnitude: Buffer): Buffer {
  const start = magnitude.findIndex((octet) => octet !== 0)
  const digits = start === -1 ? Buffer.alloc(0) : magnitude.subarray(start)
  const needsSign = (digits[0] ?? 0) >= 0x80
  return writeString(needsSign ? Buffer.concat([writeByte(0), digits]) : digits)
}

export function writeNameList(names: readonly string[]): Buffer {
  return writeString(names.join(','))
}
