/**
 * A configuration on its way between threads, its long lists in pieces of octets: what is one message is taken in one go,
 * and a large policy holds everything else up for as long.
 */
import { deserialize, serialize } from 'node:v8'
import type { Result } from '#lib/result'
import { type ConfigMistake, freezeInSteps } from './config.ts'
import type { LoadedConfig } from './config-store.ts'
import type { PolicyDocument } from './policy/document.ts'
import { inSteps, type Steps } from './policy/in-steps.ts'

export type Loaded = Result<LoadedConfig, readonly ConfigMistake[]>

type Packed = {
  /** Lists of the policy are empty in it. */
  readonly loaded: Loaded
  readonly pieces: readonly { readonly key: string; readonly octets: Uint8Array<ArrayBuffer> }[]
}

/** Items of a list that are taken in one go. */
const PIECE_ITEMS = 20

export function pack(loaded: Loaded): Packed {
  if (!loaded.ok) return { loaded, pieces: [] }
  const { policy } = loaded.value
  const lists = Object.entries(policy).filter(([, value]) => Array.isArray(value))
  const empty = Object.fromEntries(lists.map(([key]) => [key, []]))
  return {
    loaded: { ...loaded, value: { ...loaded.value, policy: { ...policy, ...empty } } },
    pieces: lists.flatMap(([key, items]) => piecesOf(items as readonly unknown[], key)),
  }
}

function piecesOf(items: readonly unknown[], key: string): Packed['pieces'] {
  const pieces = []
  for (let from = 0; from < items.length; from += PIECE_ITEMS) {
    // A copy of its own: what serialize gives may be a view.
    const octets = new Uint8Array(serialize(items.slice(from, from + PIECE_ITEMS)))
    pieces.push({ key, octets })
  }
  return pieces
}

/** What was packed, frozen. */
export function* unpackInSteps({ loaded, pieces }: Packed): Steps<Loaded> {
  if (!loaded.ok) return yield* freezeInSteps(loaded)
  const lists = new Map<string, unknown[]>()
  yield* inSteps(pieces, ({ key, octets }) => {
    const list = lists.get(key) ?? []
    lists.set(key, list)
    list.push(...(deserialize(octets) as unknown[]))
  })
  const policy: PolicyDocument = { ...loaded.value.policy, ...Object.fromEntries(lists) }
  return yield* freezeInSteps<Loaded>({ ...loaded, value: { ...loaded.value, policy } })
}
