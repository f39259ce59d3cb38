/*
 * Load generator and its target, outside the processes under test. One thread per connection, blocking calls.
 *
 *   load serve ADDRESS PORT                         the target, TCP and UDP; runs until it is ended
 *   load bulk  HOST PORT up|down MIB STREAMS        prints seconds
 *   load flows HOST PORT COUNT PARALLEL             connect, one byte there and back, close; prints seconds
 *   load idle  HOST PORT COUNT                      opens flows, prints "ready", holds them until a signal
 *   load udp   HOST PORT PER_SECOND SECONDS OCTETS  datagrams at a steady rate; prints how many were sent, and came back
 *
 * With LOAD_SOCKS=HOST:PORT everything goes through that SOCKS5 proxy (RFC 1928).
 * A request is one octet, then for U and D a 64-bit big-endian count: U upload, D download, E echo.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 256 * 1024, TIMEOUT_SECONDS = 60 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static struct sockaddr_in address_of(const char *host, int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
    fprintf(stderr, "load: %s is not an IPv4 address\n", host);
    exit(2);
  }
  return a;
}

static int read_all(int fd, void *data, size_t size) {
  for (char *p = data; size > 0;) {
    ssize_t n = recv(fd, p, size, 0);
    if (n <= 0) return -1;
    p += n;
    size -= n;
  }
  return 0;
}

static int write_all(int fd, const void *data, size_t size) {
  for (const char *p = data; size > 0;) {
    ssize_t n = send(fd, p, size, MSG_NOSIGNAL);
    if (n <= 0) return -1;
    p += n;
    size -= n;
  }
  return 0;
}

/* Moves `count` octets of no meaning; the content does not matter to any of the systems compared. */
static int send_octets(int fd, uint64_t count) {
  static const char zeros[BUFFER];
  for (; count > 0; count -= count < BUFFER ? count : BUFFER)
    if (write_all(fd, zeros, count < BUFFER ? count : BUFFER) < 0) return -1;
  return 0;
}

static int receive_octets(int fd, uint64_t count) {
  char *buffer = malloc(BUFFER);
  while (count > 0) {
    ssize_t n = recv(fd, buffer, count < BUFFER ? count : BUFFER, 0);
    if (n <= 0) break;
    count -= n;
  }
  free(buffer);
  return count == 0 ? 0 : -1;
}

/* ---- target ---- */

static int answer(int fd) {
  char kind, octet;
  uint64_t count;
  if (read_all(fd, &kind, 1) < 0) return -1;
  if (kind == 'E') {
    while (read_all(fd, &octet, 1) == 0)
      if (write_all(fd, &octet, 1) < 0) return -1;
    return -1;
  }
  if (read_all(fd, &count, sizeof count) < 0) return -1;
  count = be64toh(count);
  if (kind == 'D') return send_octets(fd, count);
  if (kind == 'U') return receive_octets(fd, count) < 0 ? -1 : write_all(fd, "K", 1);
  return -1;
}

static void *serve_one(void *argument) {
  int fd = (int)(intptr_t)argument;
  while (answer(fd) == 0) continue;
  close(fd);
  return NULL;
}

static void *echo_datagrams(void *argument) {
  int fd = (int)(intptr_t)argument;
  static char payload[65536];
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  ssize_t n;
  while ((n = recvfrom(fd, payload, sizeof payload, 0, (void *)&from, &size)) >= 0)
    sendto(fd, payload, n, 0, (void *)&from, size);
  return NULL;
}

/* What this program itself loses would count as lost on the way. */
static int datagram_socket(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), octets = 16 * 1024 * 1024;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets);
  return fd;
}

static void serve_datagrams(struct sockaddr_in a) {
  int fd = datagram_socket();
  pthread_t thread;
  if (bind(fd, (void *)&a, sizeof a) < 0) fail("bind UDP");
  if (pthread_create(&thread, NULL, echo_datagrams, (void *)(intptr_t)fd) != 0) fail("pthread_create");
}

static _Noreturn void serve(const char *host, int port) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct sockaddr_in a = address_of(host, port);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (void *)&a, sizeof a) < 0) fail("bind");
  if (listen(listener, 4096) < 0) fail("listen");
  serve_datagrams(a);
  puts("ready");
  fflush(stdout);
  pthread_attr_t detached;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&detached, 64 * 1024);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    pthread_t thread;
    if (pthread_create(&thread, &detached, serve_one, (void *)(intptr_t)fd) != 0) close(fd);
  }
}

/* ---- client ---- */

static struct sockaddr_in target, proxy;
static int through_proxy;

enum { CONNECT = 1, ASSOCIATE = 3 };

/* @returns where the proxy relays datagrams of an association. */
static struct sockaddr_in socks_request(int fd, char command) {
  unsigned char reply[10], request[10] = {5, command, 0, 1};
  struct sockaddr_in relay = {.sin_family = AF_INET};
  if (command == CONNECT) {
    memcpy(request + 4, &target.sin_addr, 4);
    memcpy(request + 8, &target.sin_port, 2);
  }
  if (write_all(fd, "\5\1\0", 3) < 0 || read_all(fd, reply, 2) < 0) fail("socks greeting");
  if (write_all(fd, request, sizeof request) < 0 || read_all(fd, reply, sizeof reply) < 0)
    fail("socks request");
  if (reply[1] != 0) {
    fprintf(stderr, "load: the proxy refused with reply %d\n", reply[1]);
    exit(1);
  }
  memcpy(&relay.sin_addr, reply + 4, 4);
  memcpy(&relay.sin_port, reply + 8, 2);
  return relay;
}

static int connect_to(const struct sockaddr_in *to) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct timeval limit = {TIMEOUT_SECONDS, 0};
  if (connect(fd, (void *)to, sizeof *to) < 0) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return fd;
}

static int dial(void) {
  int fd = connect_to(through_proxy ? &proxy : &target);
  if (through_proxy) socks_request(fd, CONNECT);
  return fd;
}

struct job {
  char kind;
  uint64_t count;
};

static void *bulk_one(void *argument) {
  struct job *job = argument;
  int fd = dial();
  char request[9] = {job->kind}, done;
  uint64_t count = htobe64(job->count);
  memcpy(request + 1, &count, 8);
  if (write_all(fd, request, sizeof request) < 0) fail("request");
  int failed = job->kind == 'D' ? receive_octets(fd, job->count)
                                : send_octets(fd, job->count) < 0 || read_all(fd, &done, 1) < 0;
  if (failed) fail("bulk transfer cut short");
  close(fd);
  return NULL;
}

static void *flows_one(void *argument) {
  struct job *job = argument;
  char octet;
  for (uint64_t i = 0; i < job->count; i++) {
    int fd = dial();
    if (write_all(fd, "Ex", 2) < 0 || read_all(fd, &octet, 1) < 0) fail("echo");
    close(fd);
  }
  return NULL;
}

static void run_threads(void *(*body)(void *), struct job job, int threads) {
  pthread_t *ids = calloc(threads, sizeof *ids);
  double began = now();
  for (int i = 0; i < threads; i++)
    if (pthread_create(&ids[i], NULL, body, &job) != 0) fail("pthread_create");
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  printf("%.6f\n", now() - began);
  free(ids);
}

static void idle(int count) {
  char octet;
  for (int i = 0; i < count; i++) {
    int fd = dial();
    if (write_all(fd, "Ex", 2) < 0 || read_all(fd, &octet, 1) < 0) fail("echo");
  }
  puts("ready");
  fflush(stdout);
  pause();
}

/* ---- datagrams ---- */

static volatile uint64_t came;

static void *count_datagrams(void *argument) {
  int fd = (int)(intptr_t)argument;
  static char payload[65536];
  while (recv(fd, payload, sizeof payload, 0) > 0) came++;
  return NULL;
}

/* A header of SOCKS5 in front of each, where a proxy relays them; it is open as long as `association` is. */
static void udp(int per_second, int seconds, int octets) {
  enum { HEAD = 10 };
  static char datagram[HEAD + 65536] = {0, 0, 0, 1};
  int fd = datagram_socket(), association = -1, head = through_proxy ? HEAD : 0;
  struct sockaddr_in to = target;
  struct timeval patience = {1, 0};
  pthread_t counter;
  if (through_proxy) {
    association = connect_to(&proxy);
    to = socks_request(association, ASSOCIATE);
    memcpy(datagram + 4, &target.sin_addr, 4);
    memcpy(datagram + 8, &target.sin_port, 2);
  }
  if (connect(fd, (void *)&to, sizeof to) < 0) fail("connect UDP");
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const char *first = datagram + HEAD - head;
  /* The first one waits for a verdict; what comes with it may be lost. */
  if (send(fd, first, head + octets, 0) < 0 || recv(fd, datagram + HEAD, octets, 0) < 0) fail("first datagram");
  memset(datagram + HEAD, 0, octets);
  if (pthread_create(&counter, NULL, count_datagrams, (void *)(intptr_t)fd) != 0) fail("pthread_create");
  uint64_t sent = 0, wanted = (uint64_t)per_second * seconds;
  for (double began = now(); sent < wanted;) {
    uint64_t due = (now() - began) * per_second;
    for (; sent < due && sent < wanted; sent++) send(fd, first, head + octets, 0);
    usleep(500);
  }
  pthread_join(counter, NULL);
  printf("%llu %llu\n", (unsigned long long)sent, (unsigned long long)came);
  close(association);
}

static void use_proxy(const char *text) {
  char host[64];
  int port;
  if (sscanf(text, "%63[^:]:%d", host, &port) != 2) {
    fprintf(stderr, "load: LOAD_SOCKS is not HOST:PORT\n");
    exit(2);
  }
  proxy = address_of(host, port);
  through_proxy = 1;
}

int main(int count, char **arguments) {
  signal(SIGPIPE, SIG_IGN);
  if (count < 4) {
    fprintf(stderr, "usage: load serve|bulk|flows|idle|udp HOST PORT ...\n");
    return 2;
  }
  const char *command = arguments[1];
  if (strcmp(command, "serve") == 0) serve(arguments[2], atoi(arguments[3]));
  target = address_of(arguments[2], atoi(arguments[3]));
  if (getenv("LOAD_SOCKS")) use_proxy(getenv("LOAD_SOCKS"));
  if (strcmp(command, "bulk") == 0 && count == 7) {
    int streams = atoi(arguments[6]);
    char kind = strcmp(arguments[4], "up") == 0 ? 'U' : 'D';
    run_threads(bulk_one, (struct job){kind, strtoull(arguments[5], NULL, 10) * 1048576 / streams}, streams);
  } else if (strcmp(command, "flows") == 0 && count == 6) {
    int parallel = atoi(arguments[5]);
    run_threads(flows_one, (struct job){'E', strtoull(arguments[4], NULL, 10) / parallel}, parallel);
  } else if (strcmp(command, "idle") == 0 && count == 5) {
    idle(atoi(arguments[4]));
  } else if (strcmp(command, "udp") == 0 && count == 7) {
    udp(atoi(arguments[4]), atoi(arguments[5]), atoi(arguments[6]));
  } else {
    fprintf(stderr, "load: unknown command or wrong number of arguments\n");
    return 2;
  }
  return 0;
}
