import test from 'ava'
import fc from 'fast-check'
import { type FilterMode, TerminalFilter } from '#lib/recording/terminal-filter'

function filter(mode: FilterMode, input: string | Uint8Array): string {
  return Buffer.from(new TerminalFilter(mode).push(Buffer.from(input))).toString('latin1')
}
const ESC = '\u001b'

const kept = {
  'text and line ends': 'one\r\ntwo\ttabs\b\u0007',
  colours: `${ESC}[1;31mred${ESC}[0m ${ESC}[38:5:12mblue`,
  'cursor movement and erasing': `${ESC}[2J${ESC}[H${ESC}[10;20H${ESC}[K${ESC}7${ESC}8`,
  'the alternate screen': `${ESC}[?1049h${ESC}[?25l${ESC}[?1049l`,
  'line drawing characters': `${ESC}(0lqqk${ESC}(B`,
  'scroll margins': `${ESC}[1;20r${ESC}M`,
}
for (const [title, text] of Object.entries(kept)) {
  test(`S8 T65: replay keeps ${title}`, (t) => t.is(filter('draw', text), text))
}

const dropped = {
  'a window title': `${ESC}]0;owned\u0007`,
  'a title that ends with ST': `${ESC}]2;owned${ESC}\\`,
  'a write to the clipboard': `${ESC}]52;c;cm0gLXJmIC8=\u0007`,
  'a link': `${ESC}]8;;http://evil${ESC}\\`,
  'a device control string': `${ESC}P+q544e${ESC}\\`,
  'an application program command': `${ESC}_Gf=32;AAAA${ESC}\\`,
  'a title by C1 in UTF-8': '\u009d0;owned\u0007',
  'a question for the cursor position': `${ESC}[6n`,
  'a question for the terminal type': `${ESC}[c${ESC}[>c${ESC}Z${ESC}[?1$p\u0005`,
  'a question by C1 in UTF-8': '\u009b6n',
  'mouse reporting and bracketed paste': `${ESC}[?1000h${ESC}[?1006h${ESC}[?2004h${ESC}[?1004h`,
  'one bad mode among good ones': `${ESC}[?25;1000h`,
  'window operations': `${ESC}[8;1;1t${ESC}[21t`,
  printing: `${ESC}[5i`,
  'keyboard modes': `${ESC}[>4;2m${ESC}[>1u`,
  'a sequence without end': `${ESC}[${'1;'.repeat(100)}m`,
}
for (const [title, text] of Object.entries(dropped)) {
  test(`S8 T65: replay drops ${title}`, (t) => t.is(filter('draw', `a${text}b`), 'ab'))
}

test('S8 T65: eight-bit controls are dropped, UTF-8 with the same octets is kept', (t) => {
  t.is(filter('draw', Buffer.from([0x61, 0x9b, 0x62])), 'ab')
  const text = 'äöü – ‛quoted’ 漢字 🙂'
  t.is(Buffer.from(filter('draw', text), 'latin1').toString(), text)
})

test('S8 T65: a string that is never ended shows nothing of itself', (t) => {
  t.is(filter('draw', `a${ESC}]52;c;AAAA`), 'a')
  t.is(filter('draw', `a${ESC}]0;x${ESC}[31mb`), `a${ESC}[31mb`)
  t.is(filter('draw', `a${ESC}]0;x\u0018b`), 'ab')
})

test('S8: text keeps words and line ends only', (t) => {
  t.is(
    filter('text', `${ESC}[31mred${ESC}[0m\r\n10%\r20%\nend\u0007\b${ESC}(0`),
    'red\n10%\n20%\nend',
  )
})

test('S8 T65: any split of the stream gives the same result', (t) => {
  const pieces = [...Object.values(kept), ...Object.values(dropped), 'ä🙂', '\r', '\n']
  const input = fc
    .array(fc.constantFrom(...pieces), { maxLength: 8 })
    .map((all) => Buffer.from(all.join('')))
  const same = fc.property(input, fc.constantFrom<FilterMode>('draw', 'text'), (bytes, mode) => {
    const whole = new TerminalFilter(mode).push(bytes)
    const split = new TerminalFilter(mode)
    t.deepEqual(
      [...bytes].flatMap((octet) => [...split.push(Uint8Array.of(octet))]),
      [...whole],
    )
  })
  t.notThrows(() => fc.assert(same))
})

test('S8 T65: what was filtered once is not changed by filtering again', (t) => {
  const junk = fc.array(
    fc.constantFrom(
      0x1b,
      0x5b,
      0x5d,
      0x3f,
      0x31,
      0x68,
      0x6e,
      0x07,
      0xc2,
      0x9b,
      0x9d,
      0x41,
      0xe2,
      0x18,
    ),
  )
  const stable = fc.property(junk, (octets) => {
    const once = new TerminalFilter('draw').push(Uint8Array.from(octets))
    t.deepEqual(new TerminalFilter('draw').push(once), once)
  })
  t.notThrows(() => fc.assert(stable, { numRuns: 200 }))
})
