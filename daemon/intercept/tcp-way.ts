/** The two ways in which connections of programs reach us. A type only. */
import type { IpPacket } from './ip-packet.ts'

export interface TcpWay {
  /** Port that firewall rules redirect to; undefined where none is needed. */
  readonly redirectPort: number | undefined
  /** Takes a TCP packet from the device; its frame may be changed. */
  onPacket(packet: IpPacket): void
  /** Connects to itself as programs would. @returns why that failed, for a person; undefined when it works. */
  selfTest?(): Promise<string | undefined>
  close(): Promise<void>
}
