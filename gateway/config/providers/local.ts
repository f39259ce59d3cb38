/**
 * Identity providers of kind `local`.
 */
import { mapping, required } from '#lib/config/mapping-shape'
import { oneOf } from '#lib/config/shape'
import { name } from '#lib/config/text-shapes'

export type LocalConfig = { readonly name: string; readonly kind: 'local' }

/** Where there is no word on identity providers. */
export const EMBEDDED_DIRECTORY: LocalConfig = { name: 'local', kind: 'local' }

export const localShape = mapping(
  {
    name: required(name, "What records call it; part of a user's identity, so do not rename it."),
    kind: required(
      oneOf('local'),
      "The gateway's own directory; `zt-gateway users` keeps it. At most one.",
    ),
  },
  'the local directory',
)
