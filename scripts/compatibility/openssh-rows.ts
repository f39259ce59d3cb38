/** What OpenSSH's own clients do: codes, streams, terminals, transfers, forwardings, connections that are shared. */
import type { Row } from './row.ts'

const row = (does: string, command: string, stdout: string, more: Partial<Row> = {}): Row => ({
  ...{ client: 'openssh-client', does, command, stdout },
  ...more,
})
const SSH = 'ssh -F $CONF target'

/** Runs a client in a terminal of its own. */
const expecting = (script: string) => `expect -c 'log_user 0; set timeout 15; ${script}'`

export const OPENSSH_ROWS: readonly Row[] = [
  row('exit code 0', `${SSH} 'exit 0'`, ''),
  row('exit code 7', `${SSH} 'exit 7'`, '', { code: 7 }),
  row('exit code 127', `${SSH} no-such-program 2>/dev/null`, '', { code: 127 }),
  row('exit code 255', `${SSH} 'exit 255'`, '', { code: 255 }),
  row('exit by a signal', `${SSH} 'kill -TERM $$'`, '', { code: 255 }),
  row(
    'exit-signal by name',
    `${SSH} -v 'kill -TERM $$' 2>&1 | grep -o 'rtype exit-signal'`,
    'rtype exit-signal',
  ),
  row(
    'output and standard error apart',
    `${SSH} 'echo out; echo err >&2' 2>$TMP/e; cat $TMP/e`,
    'out\nerr',
  ),
  row(
    '20 MB of standard error',
    `${SSH} "cat $BIG >&2" 2>$TMP/e; cmp $BIG $TMP/e && echo same`,
    'same',
  ),
  row(
    'environment (SendEnv)',
    `LC_ZT=hello ssh -F $CONF -o SendEnv=LC_ZT target 'echo $LC_ZT'`,
    'hello',
  ),
  row('end of input', `printf abc | ${SSH} 'cat; echo end'`, 'abcend'),
  row(
    'early input',
    `head -c 300000 $BIG | ${SSH} "cmp - <(head -c 300000 $BIG)" && echo same`,
    'same',
  ),
  row(
    'half-closed input',
    `(echo a; sleep 0.5; echo b) | ${SSH} 'cat; sleep 0.3; echo c' | tr -d '\\n'`,
    'abc',
  ),
  row('no input (-n)', `${SSH} -n 'cat; echo done'`, 'done'),
  row(
    'a terminal (-tt)',
    `${SSH} -tt 'test -t 0 && echo tty; exit 5' </dev/null 2>/dev/null`,
    'tty',
    { code: 5 },
  ),
  row(
    'scp by SFTP, up and down',
    `scp -q -F $CONF $BIG target:$TMP/up && scp -q -F $CONF target:$TMP/up $TMP/down && cmp $BIG $TMP/down && echo same`,
    'same',
  ),
  row(
    'scp by its old protocol (-O)',
    `scp -q -O -F $CONF $BIG target:$TMP/up && scp -q -O -p -F $CONF target:$TMP/up $TMP/down && cmp $BIG $TMP/down && echo same`,
    'same',
  ),
  row(
    'an sftp batch',
    `printf 'cd %s\\nmkdir d\\nput %s d/x\\nrename d/x d/y\\nget d/y got\\nrm d/y\\nrmdir d\\n' $TMP $BIG | (cd $TMP && sftp -q -b - -F $CONF target >/dev/null) && cmp $BIG $TMP/got && echo same`,
    'same',
  ),
  row(
    '100 MB each way',
    `cat $BIG $BIG $BIG $BIG $BIG >$TMP/b; ${SSH} "cat > $TMP/up" <$TMP/b && ${SSH} "cat $TMP/up" | cmp - $TMP/b && echo same`,
    'same',
  ),
  row('echo of 20 MB through the target', `${SSH} cat <$BIG | cmp - $BIG && echo same`, 'same'),
  row(
    'local forward (-N -L)',
    `ssh -F $CONF -N -L 127.0.0.1:$PORT1:$WEB target & sleep 2; curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:$PORT1/; kill %1`,
    '200',
  ),
  row(
    'local forward of a socket',
    `nc -l -N -U $TMP/far <<<hello & ssh -F $CONF -N -L $TMP/near:$TMP/far target & sleep 2; nc -N -U $TMP/near </dev/null; kill %2`,
    'hello',
  ),
  row(
    'remote forward (-R)',
    `(echo hello | nc -l -N 127.0.0.1 $PORT1) & ssh -F $CONF -R 127.0.0.1:$PORT2:127.0.0.1:$PORT1 target "nc -d -w 3 127.0.0.1 $PORT2"`,
    'hello',
  ),
  row(
    'remote forward to a port of its choice (-R 0)',
    `ssh -F $CONF -o LogLevel=INFO -R 127.0.0.1:0:127.0.0.1:$PORT1 target 'sleep 0.5' 2>&1 | grep -o 'Allocated port'`,
    'Allocated port',
  ),
  row(
    'dynamic forward (-D)',
    `ssh -F $CONF -N -D 127.0.0.1:$PORT1 target & sleep 2; curl -s -o /dev/null -w '%{http_code}' --socks5 127.0.0.1:$PORT1 http://$WEB/; kill %1`,
    '200',
  ),
  row(
    'standard streams to a destination (-W)',
    `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | ssh -F $CONF -W $WEB target | head -c 12`,
    'HTTP/1.1 200',
  ),
  row(
    'agent (-A)',
    `eval $(ssh-agent) >/dev/null; ssh-add -q $KEY; ssh -F $CONF -A target 'ssh-add -l' | grep -o ED25519; kill $SSH_AGENT_PID`,
    'ED25519',
  ),
  row('jump host (-J)', `ssh -F $CONF -J target behind 'echo jumped'`, 'jumped'),
  row(
    'ProxyCommand ssh -W',
    `ssh -F $CONF -o ProxyCommand="ssh -F $CONF -W %h:%p target" behind 'echo jumped'`,
    'jumped',
  ),
  row(
    'one connection for eight sessions (ControlMaster)',
    `ssh -F $CONF -M -S $TMP/cm -o ControlPersist=20 -f -N target; for i in 1 2 3 4 5 6 7 8; do ssh -F $CONF -S $TMP/cm target "head -c $((i*100000)) $BIG" | cmp -n $((i*100000)) - $BIG && echo -n $i & p="$p $!"; sleep 0.05; done | tr -d '\\n' | fold -w1 | sort | tr -d '\\n'; ssh -F $CONF -S $TMP/cm -O exit target 2>/dev/null`,
    '12345678',
  ),
  row(
    'keepalives (ServerAliveInterval)',
    `ssh -F $CONF -o ServerAliveInterval=1 -o ServerAliveCountMax=2 target 'sleep 3; echo alive'`,
    'alive',
  ),
  row(
    'new keys while downloading (RekeyLimit)',
    `ssh -F $CONF -o RekeyLimit=4M target "cat $BIG" | cmp - $BIG && echo same`,
    'same',
  ),
  row(
    'new keys while uploading',
    `ssh -F $CONF -o RekeyLimit=4M target "cat >$TMP/up" <$BIG && cmp $BIG $TMP/up && echo same`,
    'same',
  ),
  row(
    '^C reaches the program',
    `${expecting(`spawn ssh -F $env(CONF) -tt target {trap "echo GOT""INT; exit 3" INT; echo READY; sleep 30}; expect READY; send \\003; expect GOTINT {puts interrupted}`)}`,
    'interrupted',
  ),
  row(
    'a window that changes its size',
    `${expecting(`spawn ssh -F $env(CONF) -tt target {trap "stty size" WINCH; echo READY; while :; do sleep 0.2; done}; expect READY; exec stty -F $spawn_out(slave,name) rows 41 cols 133; expect {41 133} {puts resized}`)}`,
    'resized',
  ),
  row(
    'top (-t)',
    `${expecting(`spawn ssh -F $env(CONF) -t target {TERM=xterm top}; expect Tasks:; send q; expect eof {puts quit}`)}`,
    'quit',
  ),
  row(
    'vim inside tmux',
    `${expecting(`spawn ssh -F $env(CONF) -tt target "cd $env(TMP); TERM=xterm tmux -L zt$env(PORT1) -f /dev/null new vim -u NONE f"; sleep 2; send "ihello vim\\033:wq\\r"; expect eof`)}; cat $TMP/f`,
    'hello vim',
  ),
  row(
    'a background process that keeps nothing open',
    `${SSH} 'sleep 9 >/dev/null 2>&1 </dev/null & echo quick'`,
    'quick',
  ),
  row(
    'X11 (-Y)',
    `touch $TMP/xa; export XAUTHORITY=$TMP/xa DISPLAY=127.0.0.1:77; xauth -q add 127.0.0.1:77 . 00112233445566778899aabbccddeeff 2>/dev/null; ssh -F $CONF -Y target 'echo $DISPLAY' | grep -o 'localhost:1[0-9]'`,
    'localhost:10',
  ),
]
