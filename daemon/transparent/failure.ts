/** Why traffic cannot be taken: a stable reason, and words for a person. A type only. */
export type Failure = { readonly reason: string; readonly detail: string }
