import { createHash } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import { isConsistent, isIncluded } from '#lib/audit/merkle-proof'
import {
  completedBy,
  consistencyProof,
  inclusionProof,
  type NodeAt,
  rootOf,
} from '#lib/audit/merkle-tree'

function treeOf(lines: readonly string[]): NodeAt {
  const nodes = new Map<string, string>()
  const at: NodeAt = (level, position) => {
    const hash = nodes.get(`${level}/${position}`)
    if (hash === undefined) throw new Error(`no subtree ${level}/${position}`)
    return hash
  }
  for (const [size, line] of lines.entries()) {
    for (const { level, position, hash } of completedBy(line, size, at)) {
      nodes.set(`${level}/${position}`, hash)
    }
  }
  return at
}

/** RFC 9162 section 2.1.1, as it is written there. */
function naiveRoot(lines: readonly string[]): string {
  const sha256 = (...parts: readonly (Uint8Array | string)[]) => {
    const hash = createHash('sha256')
    for (const part of parts) hash.update(part)
    return hash.digest()
  }
  const tree = (part: readonly string[]): Uint8Array => {
    if (part.length === 0) return sha256()
    if (part.length === 1) return sha256(Uint8Array.of(0), part[0] ?? '')
    let k = 1
    while (k * 2 < part.length) k *= 2
    return sha256(Uint8Array.of(1), tree(part.slice(0, k)), tree(part.slice(k)))
  }
  return Buffer.from(tree(lines)).toString('hex')
}

const runs = { numRuns: process.env['ZT_FULL'] ? 2000 : 100 }
const someLines = fc.array(fc.string({ maxLength: 4 }), { maxLength: 40 })

// The vectors of the Certificate Transparency reference implementation.
const VECTORS = [
  ['', '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
  ['00', 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
  ['10', 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
  ['2021', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'],
  ['3031', '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4'],
  ['40414243', '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef'],
  ['5051525354555657', 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c'],
  [
    '606162636465666768696a6b6c6d6e6f',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ],
] as const

test('S10: roots are those of RFC 9162, by published vectors', (t) => {
  const lines = VECTORS.map(([hex]) => Buffer.from(hex, 'hex').toString('latin1'))
  const at = treeOf(lines)
  for (const [index, [, root]] of VECTORS.entries()) t.is(rootOf(index + 1, at), root)
})

test('S10: the root of any prefix is that of its lines', (t) => {
  fc.assert(
    fc.property(someLines, (lines) => {
      const at = treeOf(lines)
      for (let size = 0; size <= lines.length; size++) {
        if (rootOf(size, at) !== naiveRoot(lines.slice(0, size))) return false
      }
      return true
    }),
    runs,
  )
  t.is(rootOf(0, treeOf([])), naiveRoot([]))
})

test('S10: every line is shown to be in every longer log, and no other line is', (t) => {
  const lines = Array.from({ length: 21 }, (_, index) => `line ${index}`)
  const at = treeOf(lines)
  for (let size = 1; size <= lines.length; size++) {
    const head = { size, root: rootOf(size, at) }
    for (let index = 0; index < size; index++) {
      const proof = inclusionProof(index, size, at)
      t.true(isIncluded(lines[index] ?? '', index, head, proof))
      t.false(isIncluded('another', index, head, proof))
      t.false(isIncluded(lines[index] ?? '', index + 1, head, proof))
      t.false(isIncluded(lines[index] ?? '', index, head, [...proof, head.root]))
      if (proof.length > 0) {
        t.false(isIncluded(lines[index] ?? '', index, head, proof.slice(1)))
      }
    }
  }
})

test('S10 T68: a longer log is shown to begin with a shorter one; a changed one never is', (t) => {
  const lines = Array.from({ length: 19 }, (_, index) => `line ${index}`)
  const at = treeOf(lines)
  for (let to = 0; to <= lines.length; to++) {
    const newer = { size: to, root: rootOf(to, at) }
    for (let from = 0; from <= to; from++) {
      const older = { size: from, root: rootOf(from, at) }
      const proof = consistencyProof(from, to, at)
      t.true(isConsistent(older, newer, proof), `${from} to ${to}`)
      if (from === 0) continue
      const other = lines.with(from - 1, 'changed')
      const fork = treeOf(other)
      const forked = { size: to, root: rootOf(to, fork) }
      t.false(isConsistent(older, forked, consistencyProof(from, to, fork)), `${from} to ${to}`)
      t.false(isConsistent(older, newer, [...proof, older.root]))
      if (from < to) t.false(isConsistent(newer, older, proof))
    }
  }
})

test('S10: proofs of anything never throw', (t) => {
  const hash = fc.string({
    unit: fc.constantFrom(...'0123456789abcdef'),
    minLength: 64,
    maxLength: 64,
  })
  const head = fc.record({ size: fc.nat(70), root: hash })
  fc.assert(
    fc.property(head, head, fc.array(hash, { maxLength: 12 }), fc.nat(80), (a, b, proof, index) => {
      const isSame = a.size === b.size && a.root === b.root && proof.length === 0
      const isTrivial = isSame || (a.size === 0 && proof.length === 0)
      return isConsistent(a, b, proof) === isTrivial && !isIncluded('x', index, a, proof)
    }),
    runs,
  )
  t.false(isIncluded('x', 0, { size: 0, root: '' }, []))
})
