/** The nft table of ours (nft(8)), as commands for `nft -i`. Pure. */
import type { UidRange } from './machine.ts'

/** What the table does. */
export type NftTable = {
  readonly tunName: string
  /** TCP that would leave by the TUN goes to this port of loopback. */
  readonly redirectPort: number
  /** Of these users; never empty. */
  readonly uids: readonly UidRange[]
}

/** Creates the table; the last command prints it, which tells that all before were carried out. */
export function nftCommands({ tunName, redirectPort, uids }: NftTable): string {
  const users = uids.map(printRange).join(', ')
  const match = `oifname "${tunName}" meta skuid { ${users} } meta l4proto tcp`
  return [
    // `create` fails where one is; with `owner` the kernel removes it with the process that made it.
    'create table inet zt { flags owner; }',
    'add chain inet zt out { type nat hook output priority -100; policy accept; }',
    `add rule inet zt out ${match} redirect to :${redirectPort}`,
    'list table inet zt',
    '',
  ].join('\n')
}

/** nft takes no range of one. */
function printRange({ first, last }: UidRange): string {
  return first === last ? String(first) : `${first}-${last}`
}
