/**
 * Checks proofs of ./merkle-tree.ts: what a log's keeper says is worth nothing until it is checked here.
 */
import { joinHash, leafHash, leftOf } from './merkle-tree.ts'

/** A size of a log and the hash of its lines. */
export type TreeHead = { readonly size: number; readonly root: string }

/** Says whether `line` is line `index` of the log with this head. */
export function isIncluded(
  line: string,
  index: number,
  { size, root }: TreeHead,
  proof: readonly string[],
): boolean {
  if (!(index >= 0 && index < size)) return false
  const rest = [...proof]
  return rootFrom(leafHash(line), index, size, rest) === root && rest.length === 0
}

/** Says whether the log with the head `newer` begins with all the lines of the one with the head `older`. */
export function isConsistent(older: TreeHead, newer: TreeHead, proof: readonly string[]): boolean {
  if (older.size > newer.size) return false
  if (older.size === 0) return proof.length === 0
  const rest = [...proof]
  const roots = rootsFrom(older, newer.size, true, rest)
  return (
    roots !== undefined &&
    roots.older === older.root &&
    roots.newer === newer.root &&
    rest.length === 0
  )
}

/** @param rest what is left of the proof; the last hash is that of the topmost split. */
function rootFrom(leaf: string, index: number, size: number, rest: string[]): string | undefined {
  if (size === 1) return leaf
  const other = rest.pop()
  if (other === undefined) return undefined
  const left = leftOf(size)
  const isLeft = index < left
  const own = rootFrom(leaf, isLeft ? index : index - left, isLeft ? left : size - left, rest)
  if (own === undefined) return undefined
  return isLeft ? joinHash(own, other) : joinHash(other, own)
}

type Roots = { readonly older: string; readonly newer: string }

function rootsFrom(
  older: TreeHead,
  size: number,
  isWhole: boolean,
  rest: string[],
): Roots | undefined {
  if (older.size === size && isWhole) return { older: older.root, newer: older.root }
  const other = rest.pop()
  if (other === undefined) return undefined
  if (older.size === size) return { older: other, newer: other }
  const left = leftOf(size)
  if (older.size <= left) {
    const roots = rootsFrom(older, left, isWhole, rest)
    return roots && { older: roots.older, newer: joinHash(roots.newer, other) }
  }
  const right = { size: older.size - left, root: older.root }
  const roots = rootsFrom(right, size - left, false, rest)
  return roots && { older: joinHash(other, roots.older), newer: joinHash(other, roots.newer) }
}
