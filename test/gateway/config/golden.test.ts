import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { decodeConfig, formatMistakes } from '../../../gateway/config.ts'

const FOLDER = 'test/golden/config'

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))) {
  test(`T92: the mistakes of ${file}, each with line and path`, (t) => {
    const decoded = decodeConfig(readFileSync(`${FOLDER}/${file}`, 'utf8'), file)
    const got = decoded.ok ? 'no mistake\n' : `${formatMistakes(decoded.error)}\n`
    const wanted = `${FOLDER}/${file.replace(/\.yaml$/, '.txt')}`
    if (process.env['UPDATE'] === '1') writeFileSync(wanted, got)
    t.is(got, readFileSync(wanted, 'utf8'))
    t.true(decoded.ok || decoded.error.length >= 10)
  })
}
