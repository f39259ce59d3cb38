/** The answer of `ip -o route get ADDRESS`, read for link and path MTU. Pure. */

/** `bytes` where the kernel has learnt a smaller size than the link's (RFC 1191, RFC 8201). */
export type RouteMtu = { readonly link: string; readonly bytes?: number }

/** Undefined for what names no link. Never throws. */
export function parseRouteMtu(text: string): RouteMtu | undefined {
  const link = /\bdev ([^\s/]+)/.exec(text)?.[1]
  const bytes = /\bmtu (?:lock )?([0-9]{1,5})\b/.exec(text)?.[1]
  if (link === undefined) return undefined
  return bytes === undefined ? { link } : { link, bytes: Number(bytes) }
}
