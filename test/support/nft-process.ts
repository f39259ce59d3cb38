/** Holds the nft table of ours until stdin ends; says `ok`, or why it has none: the reason, and the first of its words. */
import { redirectTable } from '../../daemon/machine/nft-table.ts'
import { holdNftTable } from '../../daemon/machine/nft-table-os.ts'

const uids = [
  { first: 0, last: 0 },
  { first: 1000, last: 1999 },
]
const held = await holdNftTable(redirectTable('zt0', 9040, uids))
process.stdout.write(
  held.ok ? 'ok\n' : `${held.error.reason} ${held.error.detail.split('\n')[0]}\n`,
)
if (held.ok) {
  process.stdin.resume().on('end', () => void held.value.close())
}
