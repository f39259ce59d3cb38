/** The network of a hotel, between laptop and gateway: its portal answers in the gateway's place. */
import { join } from 'node:path'
import { type LabProcess, must, startProcess } from './child-process.ts'
import { UPLINK } from './namespace-lab.ts'
import type { Organisation } from './organisation.ts'
import { program } from './programs.ts'

/** A public name that leads to private addresses. */
const HOST = 'portal.hotel.example'
/** On the portal's own addresses, beside what a portal is made of. */
export const PORTAL_OTHER_PORT = 8081

export type PortalLab = {
  readonly host: string
  /** Inside prefixes of the organisation. */
  readonly addresses: readonly [v4: string, v6: string]
  readonly v6Prefix: string
  /** Neighbours of the portal, at which the same server listens. */
  readonly others: readonly [v4: string, v6: string]
  /** Puts the portal before the gateway. */
  begin(): Promise<void>
  /** As after a login there. */
  end(): Promise<void>
}

/** Nothing stands before the gateway yet; the laptop has IPv6 then. */
export async function portalLab({ lab, folder }: Organisation): Promise<PortalLab> {
  const number = lab.gateway.split('.')[2] ?? ''
  const net = lab.target.replace(/\.[0-9]+$/, '')
  const [uplink6, private6] = [`fd19:${number}:`, `fd18:${number}:`]
  const addresses = [`${net}.1`, `${private6}:1`] as const
  const others = [`${net}.9`, `${private6}:9`] as const
  const inGateway = (command: string) => must([...lab.inGateway, ...command.split(' ')])
  const inLaptop = (command: string) => must([...lab.inLaptop, ...command.split(' ')])
  await inGateway(`ip addr replace ${others[0]}/24 dev private`)
  for (const one of [addresses[1], others[1]]) {
    await inGateway(`ip addr replace ${one}/64 dev private nodad`)
  }
  await inGateway(`ip addr replace ${uplink6}:1/64 dev uplink nodad`)
  await inLaptop(`ip addr replace ${uplink6}:2/64 dev ${UPLINK} nodad`)
  await inLaptop(`ip route replace default via ${uplink6}:1`)
  let portal: LabProcess | undefined
  return {
    ...{ host: HOST, addresses, others, v6Prefix: `${private6}:/64` },
    begin: async () => {
      portal = await startProcess({
        argv: [
          ...lab.inGateway,
          ...program('scripts/lab/portal-process.js'),
          ...[HOST, ...addresses, String(PORTAL_OTHER_PORT)],
        ],
        logFile: join(folder, 'portal.log'),
        readyWhen: /^ready/,
      })
      await inGateway('nft add table inet portal')
      await inGateway(
        'nft add chain inet portal input { type filter hook input priority 0 ; policy accept ; }',
      )
      await inGateway(
        'nft add rule inet portal input iifname uplink tcp dport 7000-8999 tcp dport != 8081 reject with tcp reset',
      )
    },
    end: async () => {
      await inGateway('nft delete table inet portal')
      await portal?.stop()
    },
  }
}
