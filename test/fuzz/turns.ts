/** Inputs of several messages in one file: a side, a length of two octets, the message. Lenient, so that every file is one. */

export type Turn = { readonly side: 'user' | 'target'; readonly bytes: Buffer }

const HEAD = 3

export function writeTurns(turns: readonly Turn[]): Buffer {
  return Buffer.concat(
    turns.flatMap(({ side, bytes }) => {
      const head = Buffer.alloc(HEAD)
      head.writeUInt8(side === 'user' ? 0 : 1)
      head.writeUInt16BE(bytes.length, 1)
      return [head, bytes]
    }),
  )
}

/** Reads what is there; a length beyond the end means up to the end. */
export function readTurns(input: Buffer): readonly Turn[] {
  const turns: Turn[] = []
  for (let at = 0; at + HEAD <= input.length; ) {
    const end = at + HEAD + input.readUInt16BE(at + 1)
    const side = (input[at] ?? 0) % 2 === 0 ? 'user' : 'target'
    turns.push({ side, bytes: Buffer.from(input.subarray(at + HEAD, end)) })
    at = end
  }
  return turns
}
