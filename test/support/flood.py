"""Raw packets to argv[1]: SYNs from every port, fragments, options, unknown protocols, noise. argv[2]: how many.
The same to argv[3], of IPv6: extension headers, fragments, noise."""
import os, random, socket, struct, sys

target, count, target6 = sys.argv[1], int(sys.argv[2]), sys.argv[3]
random.seed(1)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)


def header(protocol, length, words=5, fragment=0):
    return struct.pack('!BBHHHBBH4s4s', 0x40 | words, 0, words * 4 + length, 1, fragment, 64, protocol, 0,
                       socket.inet_aton('198.18.0.1'), socket.inet_aton(target)) + bytes(words * 4 - 20)


def packet6(next_header, payload):
    return struct.pack('!IHBB16s16s', 6 << 28, len(payload), next_header, 64,
                       socket.inet_pton(socket.AF_INET6, 'fd5a:7::1'), socket.inet_pton(socket.AF_INET6, target6)) + payload


def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total > 65535:
        total = (total & 65535) + (total >> 16)
    return ~total & 65535


def syn(port):
    source, destination = socket.inet_aton('198.18.0.1'), socket.inet_aton(target)
    parts = [port, 1 + port % 60000, random.getrandbits(32), 0, 0x50, 2, 1024, 0, 0]
    pseudo = source + destination + struct.pack('!BBH', 0, 6, 20)
    parts[7] = checksum(pseudo + struct.pack('!HHIIBBHHH', *parts))
    return header(6, 20) + struct.pack('!HHIIBBHHH', *parts)


for number in range(count):
    noise = os.urandom(random.randrange(1, 200))
    packets = [syn(1024 + number % 60000), header(6, len(noise)) + noise, header(17, len(noise)) + noise,
               header(1, len(noise)) + noise, header(200, len(noise)) + noise,
               header(17, len(noise), words=7) + noise, header(17, len(noise), fragment=0x2001) + noise]
    for packet in packets:
        try:
            raw.sendto(packet, (target, 0))
        except OSError:
            pass
    # Hop-by-hop and destination options of padding, a later fragment, and noise as UDP (RFC 8200 section 4).
    padding = bytes([17, 0, 1, 4, 0, 0, 0, 0])
    for next_header, payload in ((0, padding + noise), (60, padding + noise), (44, struct.pack('!BBHI', 17, 0, 8, number) + noise),
                                 (17, noise)):
        try:
            raw6.sendto(packet6(next_header, payload), (target6, 0))
        except OSError:
            pass
