/** Changes to an input of a parser: bits, whole octets, lengths as protocols write them, pieces of other inputs. */
import type { Random } from './random.ts'

type Mutation = (input: Buffer, random: Random, other: Buffer) => Buffer

/** Octets that parsers trip over: ends of ranges, signs, line ends, quotes. */
const OCTETS = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x20, 0x22, 0x2c, 0x40]
/** Lengths at the edges of what is allowed, and beyond. */
const LENGTHS = [0, 1, 4, 31, 33, 255, 256, 35_000, 35_001, 65_535, 262_144, 2 ** 31 - 1, 2 ** 31]
const GREATEST_LENGTH = 2 ** 32 - 1
/** Inputs do not grow without end over many mutations. */
const SIZE_LIMIT = 128 * 1024

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  setOctet,
  setLength,
  nudgeLength,
  removePiece,
  repeatPiece,
  insertOctets,
  splice,
]

/** @returns a changed copy; one to eight changes. */
export function mutate(input: Buffer, random: Random, other: Buffer): Buffer {
  let changed = Buffer.from(input)
  for (let count = 1 + random.below(8); count > 0; count--) {
    const mutation = MUTATIONS[random.below(MUTATIONS.length)] ?? flipBit
    changed = Buffer.from(mutation(changed, random, other))
  }
  return changed.subarray(0, SIZE_LIMIT)
}

function flipBit(input: Buffer, random: Random): Buffer {
  const at = placeIn(input, random)
  input[at] = (input[at] ?? 0) ^ (1 << random.below(8))
  return input
}

function setOctet(input: Buffer, random: Random): Buffer {
  input[placeIn(input, random)] = pick(OCTETS, random, 0)
  return input
}

function setLength(input: Buffer, random: Random): Buffer {
  const at = placeIn(input, random)
  const length = random.below(4) === 0 ? GREATEST_LENGTH : pick(LENGTHS, random, 0)
  if (at + 4 <= input.length) input.writeUInt32BE(length, at)
  return input
}

/** A length that is off by a little is the one that checks forget. */
function nudgeLength(input: Buffer, random: Random): Buffer {
  const at = placeIn(input, random)
  if (at + 4 > input.length) return input
  input.writeUInt32BE((input.readUInt32BE(at) + random.below(9) - 4) >>> 0, at)
  return input
}

function removePiece(input: Buffer, random: Random): Buffer {
  const { start, end } = pieceOf(input, random)
  return Buffer.concat([input.subarray(0, start), input.subarray(end)])
}

function repeatPiece(input: Buffer, random: Random): Buffer {
  const { start, end } = pieceOf(input, random)
  return Buffer.concat([input.subarray(0, end), input.subarray(start)])
}

function insertOctets(input: Buffer, random: Random): Buffer {
  const at = placeIn(input, random)
  const octets = Buffer.from(Array.from({ length: 1 + random.below(16) }, () => random.below(256)))
  return Buffer.concat([input.subarray(0, at), octets, input.subarray(at)])
}

function splice(input: Buffer, random: Random, other: Buffer): Buffer {
  const { start, end } = pieceOf(other, random)
  const at = placeIn(input, random)
  return Buffer.concat([input.subarray(0, at), other.subarray(start, end), input.subarray(at)])
}

function placeIn(input: Buffer, random: Random): number {
  return input.length === 0 ? 0 : random.below(input.length)
}

function pieceOf(input: Buffer, random: Random): { start: number; end: number } {
  const start = placeIn(input, random)
  return { start, end: start + random.below(Math.min(input.length - start, 1024) + 1) }
}

function pick<T>(list: readonly T[], random: Random, fallback: T): T {
  return list[random.below(list.length)] ?? fallback
}
