import test from 'ava'
import fc from 'fast-check'
import { isSameText } from '#lib/same-text'

test('texts are the same, or not, of any length and in any script', (t) => {
  for (const other of ['', 'ab', 'abd', 'abcd', 'äbc']) t.false(isSameText(other, 'abc'))
  t.true(isSameText('', ''))
  const text = fc.string({ unit: 'grapheme' })
  t.notThrows(() =>
    fc.assert(
      fc.property(text, text, (a, b) => isSameText(a, b) === (a === b) && isSameText(a, a)),
    ),
  )
})
