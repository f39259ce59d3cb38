/** Facts of a flow that is like most: override what a test is about. */
import { gatherSubject, type StandingOf } from '../../gateway/facts/gather.ts'
import type { Facts } from '../../gateway/policy/facts.ts'

export function sampleFacts(change: Partial<Facts> = {}): Facts {
  return {
    subject: {
      userId: 'user-1',
      email: 'ann@example.com',
      groups: ['engineers'],
      deviceId: 'device-1',
    },
    sourceAddress: '192.0.2.7',
    destination: { host: 'wiki.corp.internal', port: 443, transport: 'tcp' },
    ...change,
  }
}

/** What stands when nothing but device and user is known. */
export const onlySubject: StandingOf = (device, user) => ({ subject: gatherSubject(device, user) })
