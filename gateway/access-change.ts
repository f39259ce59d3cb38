/** What can change about the access of flows that are open. Whoever changes it tells; live flows are then decided again. */
export type AccessChange =
  | { readonly kind: 'device'; readonly deviceId: string }
  | { readonly kind: 'user'; readonly userId: string }
  /** A service token: it was disabled, or has another end. */
  | { readonly kind: 'service'; readonly tokenId: string }
  | { readonly kind: 'application'; readonly application: string }
  /** A new policy, or anything that may concern everybody. */
  | { readonly kind: 'everything' }
