import test from 'ava'
import { namespaceObstacle } from '#lib/namespace/obstacle'

for (const [what, facts, obstacle] of [
  ['a kernel without any such setting', {}, undefined],
  [
    'all of them lenient',
    { unprivilegedClone: 1, largestCount: 96365, apparmorRestricts: 0 },
    undefined,
  ],
  ["Debian's switch", { unprivilegedClone: 0, largestCount: 96365 }, 'user_namespaces_off'],
  ['no namespaces at all', { largestCount: 0 }, 'user_namespaces_off'],
  ['AppArmor', { largestCount: 96365, apparmorRestricts: 1 }, 'user_namespaces_restricted'],
] as const) {
  test(`D6 what keeps users from namespaces: ${what}`, (t) => {
    t.is(namespaceObstacle(facts), obstacle)
  })
}
