/**
 * Values by address prefix: one binary trie per address version. A look-up costs at most one step per bit, however
 * many prefixes there are.
 */
import type { IpAddress } from '#lib/net/address'
import { bitAt, type Prefix } from '#lib/net/prefix'

type Node<T> = { readonly children: [Node<T> | undefined, Node<T> | undefined]; values: T[] }

/** Prefixes with any number of values each. */
export class PrefixTrie<T> {
  readonly #roots: Readonly<Record<4 | 6, Node<T>>> = { 4: emptyNode(), 6: emptyNode() }

  /** Adds a value; a prefix added twice keeps both, in order. */
  add(prefix: Prefix, value: T): void {
    let node = this.#roots[prefix.address.version]
    for (let bit = 0; bit < prefix.length; bit++) {
      node = childOf(node, bitAt(prefix.address, bit))
    }
    node.values.push(value)
  }

  /** Values of every prefix that contains `address`, the longest prefix first. */
  matches(address: IpAddress): T[] {
    const found: T[] = []
    let node: Node<T> | undefined = this.#roots[address.version]
    for (let bit = 0; node !== undefined; bit++) {
      if (node.values.length > 0) found.unshift(...node.values)
      node = node.children[bitAt(address, bit)]
    }
    return found
  }

  /** First value of the longest prefix that contains `address`. */
  longest(address: IpAddress): T | undefined {
    let found: T | undefined
    let node: Node<T> | undefined = this.#roots[address.version]
    for (let bit = 0; node !== undefined; bit++) {
      found = node.values[0] ?? found
      node = node.children[bitAt(address, bit)]
    }
    return found
  }
}

function emptyNode<T>(): Node<T> {
  return { children: [undefined, undefined], values: [] }
}

function childOf<T>(node: Node<T>, bit: 0 | 1): Node<T> {
  const child = node.children[bit] ?? emptyNode<T>()
  node.children[bit] = child
  return child
}
