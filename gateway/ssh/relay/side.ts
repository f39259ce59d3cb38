/** The two ends of a relayed connection. */

/** Where a message came from, or goes to. */
export type Side = 'user' | 'target'

export function otherSide(side: Side): Side {
  return side === 'user' ? 'target' : 'user'
}
