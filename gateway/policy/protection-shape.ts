/**
 * Destinations that must be protected, as policy writes them. The table also makes the reference page.
 */
import { defaulted, list, mapping, required } from '#lib/config/mapping-shape'
import { destination } from './destination.ts'

/** The shape of what must be protected. */
export const protectionShape = mapping(
  {
    destinations: required(
      list(destination, { kind: 'a list of destinations', min: 1 }),
      'Nobody reaches these unless an application covers them, whatever the network rules say; over every transport, unless one follows.',
    ),
    exempt: defaulted(
      list(destination, { kind: 'a list of destinations' }),
      'All but these; over TCP, unless another transport follows.',
      [],
    ),
  },
  'what must be protected',
)
