/**
 * The time of an evaluation. Lives for one evaluation, as the only thing that it changes.
 */

/** When a test is made, and how long what it found will hold. */
export type Moment = {
  readonly nowSeconds: number
  /** Earliest time at which something looked at so far may turn out otherwise, Unix seconds; tests lower it. */
  validUntilSeconds: number
}
