/**
 * Expected outcomes as values. A refusal is an `err` with a tagged reason; throwing is for bugs and broken I/O.
 */

/** Either a value or a typed refusal; narrow on `ok`. */
export type Result<T, E> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E }

/** A successful outcome. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value }
}

/** A refusal; `error` carries a stable reason. */
export function err<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error }
}
