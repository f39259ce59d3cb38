/** The nft tables of ours (nft(8)), as commands for `nft -i`. Pure. */
import type { UidRange } from './machine.ts'

/** A table with one chain, which sees connections that this machine begins. */
export type NftTable = {
  /** `zt` leads TCP of the TUN to us, `zt_dns` questions about names. */
  readonly name: 'zt' | 'zt_dns'
  /** What matches this goes to the port of loopback. */
  readonly match: string
  readonly port: number
}

/** TCP of these users that would leave by the TUN goes to a port of loopback. @param uids never empty. */
export function redirectTable(
  tunName: string,
  redirectPort: number,
  uids: readonly UidRange[],
): NftTable {
  const match = `oifname "${tunName}" ${usersOf(uids)} meta l4proto tcp`
  return { name: 'zt', match, port: redirectPort }
}

/** DNS of these users, wherever to, goes to a port of loopback. @param uids never empty. */
export function port53Table(port: number, uids: readonly UidRange[]): NftTable {
  const match = `${usersOf(uids)} meta l4proto { tcp, udp } th dport 53`
  return { name: 'zt_dns', match, port }
}

/** What is done with a connection that matches; `nft list` prints it so. */
export function verdictOf({ port }: NftTable): string {
  return `redirect to :${port}`
}

/** Creates the table, in one line and thus whole or not at all; the second line prints what is there then. */
export function nftCommands(table: NftTable): string {
  const { name, match } = table
  const commands = [
    // `create` fails where one is; with `owner` the kernel removes it with the process that made it.
    `create table inet ${name} { flags owner; }`,
    `add chain inet ${name} out { type nat hook output priority -100; policy accept; }`,
    `add rule inet ${name} out ${match} ${verdictOf(table)}`,
  ]
  return `${commands.join('; ')}\nlist table inet ${name}\n`
}

function usersOf(uids: readonly UidRange[]): string {
  return `meta skuid { ${uids.map(printRange).join(', ')} }`
}

/** nft takes no range of one. */
function printRange({ first, last }: UidRange): string {
  return first === last ? String(first) : `${first}-${last}`
}

/** Users without one of them. */
export function withoutUid(uids: readonly UidRange[], uid: number): readonly UidRange[] {
  return uids.flatMap(({ first, last }) => {
    const [below, above] = [Math.min(last, uid - 1), Math.max(first, uid + 1)]
    const parts =
      first <= uid && uid <= last
        ? [
            [first, below],
            [above, last],
          ]
        : [[first, last]]
    return parts.flatMap(([from = 0, to = 0]) => (from <= to ? [{ first: from, last: to }] : []))
  })
}
