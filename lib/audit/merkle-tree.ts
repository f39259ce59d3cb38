/**
 * The hash tree over the lines of an audit log (RFC 9162 section 2.1, SHA-256), as who keeps the lines builds it.
 * Only whole subtrees are kept; each line completes one or more of them, and nothing is ever hashed again.
 */
import { createHash } from 'node:crypto'

/** Hash of a whole subtree: `level` 0 are the lines, and it covers lines `position * 2^level` and on. Hex. */
export type NodeAt = (level: number, position: number) => string

export type TreeNode = { readonly level: number; readonly position: number; readonly hash: string }

/** Hash of no lines at all. */
export const EMPTY_ROOT = createHash('sha256').digest('hex')

/** Leaves and inner nodes differ in their first octet, so that neither passes for the other. */
export function leafHash(line: string): string {
  return createHash('sha256').update(Uint8Array.of(0)).update(line).digest('hex')
}

export function joinHash(left: string, right: string): string {
  return createHash('sha256')
    .update(Uint8Array.of(1))
    .update(left, 'hex')
    .update(right, 'hex')
    .digest('hex')
}

/** The subtrees that the line after `size` others completes, its own leaf first. */
export function completedBy(line: string, size: number, at: NodeAt): readonly TreeNode[] {
  const nodes: TreeNode[] = []
  let hash = leafHash(line)
  let [level, position] = [0, size]
  nodes.push({ level, position, hash })
  while (position % 2 === 1) {
    hash = joinHash(at(level, position - 1), hash)
    level++
    position = (position - 1) / 2
    nodes.push({ level, position, hash })
  }
  return nodes
}

/** The hash that stands for the first `size` lines. */
export function rootOf(size: number, at: NodeAt): string {
  return size === 0 ? EMPTY_ROOT : rangeHash(0, size, at)
}

/** Shows that line `index` is one of the first `size` (section 2.1.3). */
export function inclusionProof(index: number, size: number, at: NodeAt): readonly string[] {
  return pathOf(index, 0, size, at)
}

/** Shows that the first `from` lines of `to` are the same ones (section 2.1.4). */
export function consistencyProof(from: number, to: number, at: NodeAt): readonly string[] {
  return from === 0 ? [] : prefixPath({ from, isWhole: true }, 0, to, at)
}

/** The largest power of two below `count`: how many lines stand left of a node. */
export function leftOf(count: number): number {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}

function rangeHash(start: number, end: number, at: NodeAt): string {
  const count = end - start
  const left = leftOf(count)
  if (count === 1) return at(0, start)
  if (left * 2 === count) return at(levelOf(count), start / count)
  return joinHash(rangeHash(start, start + left, at), rangeHash(start + left, end, at))
}

function levelOf(count: number): number {
  let level = 0
  for (let size = 1; size < count; size *= 2) level++
  return level
}

function pathOf(index: number, start: number, end: number, at: NodeAt): readonly string[] {
  if (end - start === 1) return []
  const middle = start + leftOf(end - start)
  return index < middle
    ? [...pathOf(index, start, middle, at), rangeHash(middle, end, at)]
    : [...pathOf(index, middle, end, at), rangeHash(start, middle, at)]
}

/** `isWhole`: these lines are all of the older log, whose hash the other side has. */
type Prefix = { readonly from: number; readonly isWhole: boolean }

function prefixPath(prefix: Prefix, start: number, end: number, at: NodeAt): readonly string[] {
  const { from, isWhole } = prefix
  if (from === end) return isWhole ? [] : [rangeHash(start, end, at)]
  const middle = start + leftOf(end - start)
  return from <= middle
    ? [...prefixPath(prefix, start, middle, at), rangeHash(middle, end, at)]
    : [...prefixPath({ from, isWhole: false }, middle, end, at), rangeHash(start, middle, at)]
}

/** The same hash for who reads the lines once, in order: keeps no more than one hash for each level. */
export class TreeHash {
  /** Whole subtrees from left to right, each larger than the next. */
  #peaks: { readonly level: number; readonly hash: string }[] = []
  #size = 0

  add(line: string): void {
    let [level, hash] = [0, leafHash(line)]
    while (this.#peaks.at(-1)?.level === level) {
      hash = joinHash(this.#peaks.pop()?.hash ?? '', hash)
      level++
    }
    this.#peaks.push({ level, hash })
    this.#size++
  }

  get size(): number {
    return this.#size
  }

  get root(): string {
    const hashes = this.#peaks.map(({ hash }) => hash)
    return hashes.length === 0
      ? EMPTY_ROOT
      : hashes.reduceRight((right, left) => joinHash(left, right))
  }
}
