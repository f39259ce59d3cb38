/** The nft tables of ours (nft(8)), as commands for `nft -i`. Pure. */
import type { UidRange } from './machine.ts'

/** A table with one chain, which sees connections that this machine begins. */
export type NftTable = {
  /** `zt` leads TCP of the TUN to us, `zt_dns` questions about names. */
  readonly name: 'zt' | 'zt_dns'
  /** Matches and what is done, in their order. */
  readonly rules: readonly string[]
}

/** TCP of these users that would leave by the TUN goes to a port of loopback. @param uids never empty. */
export function redirectTable(
  tunName: string,
  redirectPort: number,
  uids: readonly UidRange[],
): NftTable {
  const match = `oifname "${tunName}" ${usersOf(uids)} meta l4proto tcp`
  return { name: 'zt', rules: [`${match} redirect to :${redirectPort}`] }
}

/** DNS of these users, wherever to, goes to a port of loopback. @param uids never empty. */
export function port53Table(port: number, uids: readonly UidRange[]): NftTable {
  const match = `${usersOf(uids)} meta l4proto { tcp, udp } th dport 53`
  return { name: 'zt_dns', rules: [`${match} redirect to :${port}`] }
}

/** Creates the table; the last command prints it, which tells that all before were carried out. */
export function nftCommands({ name, rules }: NftTable): string {
  return [
    // `create` fails where one is; with `owner` the kernel removes it with the process that made it.
    `create table inet ${name} { flags owner; }`,
    `add chain inet ${name} out { type nat hook output priority -100; policy accept; }`,
    ...rules.map((rule) => `add rule inet ${name} out ${rule}`),
    `list table inet ${name}`,
    '',
  ].join('\n')
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
