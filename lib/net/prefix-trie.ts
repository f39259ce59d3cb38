/**
 * Values by address prefix: one binary trie per address version. A look-up costs at most one step per bit, however
 * many prefixes there are.
 */
import type { IpAddress } from '#lib/net/address'
import { bitAt, type Prefix } from '#lib/net/prefix'

/** A bit of a prefix. Tries are large and looked up cold: a node takes little memory, and all in one place. */
type Node<T> = { zero: Node<T> | undefined; one: Node<T> | undefined; values: T[] | undefined }

/** Prefixes with any number of values each. */
export class PrefixTrie<T> {
  readonly #roots: Readonly<Record<4 | 6, Node<T>>> = { 4: emptyNode(), 6: emptyNode() }

  /** Adds a value; a prefix added twice keeps both, in order. */
  add(prefix: Prefix, value: T): void {
    let node = this.#roots[prefix.address.version]
    for (let bit = 0; bit < prefix.length; bit++) {
      node = childOf(node, bitAt(prefix.address, bit))
    }
    node.values ??= []
    node.values.push(value)
  }

  /** Values of every prefix that contains `address`, the longest prefix first. */
  matches(address: IpAddress): T[] {
    const found: T[] = []
    let node: Node<T> | undefined = this.#roots[address.version]
    for (let bit = 0; node !== undefined; bit++) {
      if (node.values !== undefined) found.unshift(...node.values)
      node = bitAt(address, bit) === 0 ? node.zero : node.one
    }
    return found
  }

  /** First value of the longest prefix that contains `address`. */
  longest(address: IpAddress): T | undefined {
    let found: T | undefined
    let node: Node<T> | undefined = this.#roots[address.version]
    for (let bit = 0; node !== undefined; bit++) {
      found = node.values?.[0] ?? found
      node = bitAt(address, bit) === 0 ? node.zero : node.one
    }
    return found
  }
}

function emptyNode<T>(): Node<T> {
  return { zero: undefined, one: undefined, values: undefined }
}

function childOf<T>(node: Node<T>, bit: 0 | 1): Node<T> {
  const child = (bit === 0 ? node.zero : node.one) ?? emptyNode<T>()
  if (bit === 0) node.zero = child
  else node.one = child
  return child
}
