import test from 'ava'
import fc from 'fast-check'
import { openLookupShares, type Share } from '../../../gateway/dns/lookup-shares.ts'

/** Takes places that are never given back, as lookups of dead resolvers for a while. @returns whether each got one. */
function taker(atOnce: number) {
  const shares = openLookupShares(atOnce)
  return (device: string, zone: string): boolean => {
    let isTaken = false
    void shares({ device, zone }, () => {
      isTaken = true
      return new Promise(() => undefined)
    })
    return isTaken
  }
}

const AT_ONCE = 1024
function fill(take: ReturnType<typeof taker>, device: string, zone: string): number {
  let count = 0
  while (take(device, zone)) count++
  return count
}

test('G12: one device takes an eighth of what its zone has left, one zone half of all', (t) => {
  const take = taker(AT_ONCE)
  t.is(fill(take, 'd0', 'dead'), 103)
  t.true(take('d0', 'live'), 'the same device, elsewhere')
  t.true(take('d1', 'dead'), 'another device, there')
  for (let n = 1; n < 500; n++) fill(take, `d${n}`, 'dead')
  t.false(take('new', 'dead'), 'the zone is full')
  t.true(fill(take, 'new', 'live') > 50, 'half of all is left to the others')
})

test('G12: a place is given back, also by work that fails', async (t) => {
  const shares = openLookupShares(2)
  const one: Share = { device: 'd', zone: 'z' }
  await t.throwsAsync(() => shares(one, () => Promise.reject(new Error('broken'))))
  t.is(await shares(one, async () => 'done'), 'done')
})

test('G12: names of devices and zones do not run together', (t) => {
  const take = taker(8)
  fill(take, 'b', 'a')
  t.true(take('', 'ab'))
})

test('G12: never more than all places, and one for a zone and a device that hold none while any is free', (t) => {
  const name = fc.integer({ min: 0, max: 5 }).map(String)
  const step = fc.record({ device: name, zone: name })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 1, max: 64 }),
      (steps, most) => {
        const shares = openLookupShares(most)
        let under = 0
        for (const share of steps) {
          void shares(share, () => {
            under++
            return new Promise(() => undefined)
          })
          if (under > most) return false
        }
        let isGiven = false
        void shares({ device: 'new', zone: 'new' }, async () => {
          isGiven = true
        })
        return isGiven || under === most
      },
    ),
  )
  t.is(fill(taker(8), 'd', 'z'), 1)
})
