/** What other clients of Debian do. */
import type { Row } from './row.ts'

const row =
  (client: string) =>
  (does: string, command: string, stdout: string, more: Partial<Row> = {}): Row => ({
    ...{ client, does, command, stdout },
    ...more,
  })

const putty = row('putty-tools')
const PLINK = '-batch -proxycmd "$NC" -hostkey $PRINT -i $TMP/../key.ppk'
const dropbear = row('dropbear-bin')
const DBCLIENT = 'HOME=$TMP dbclient -y -y -J "$NC" -i $TMP/../key.dropbear root@$HOST'
const curl = row('curl')
const CURL = 'curl -sS $CURLPROXY -k --key $KEY --pubkey $KEY.pub'
const PYTHON = '/usr/bin/python3 -W ignore -c'

const PARAMIKO = `import os,paramiko
c=paramiko.SSHClient(); c.load_host_keys(os.environ['KNOWN'])
c.connect(os.environ['HOST'],username='root',key_filename=os.environ['KEY'],sock=paramiko.ProxyCommand(os.environ['NC']))`
const ASYNCSSH = `import asyncio,asyncssh,os
async def main():
  async with asyncssh.connect(os.environ['HOST'],username='root',known_hosts=os.environ['KNOWN'],client_keys=[os.environ['KEY']],proxy_command=os.environ['NC'].split()) as c:`

export const CLIENT_ROWS: readonly Row[] = [
  putty('plink: exit code', `plink ${PLINK} root@$HOST 'exit 7'`, '', { code: 7 }),
  putty('plink: 20 MB', `plink ${PLINK} root@$HOST "cat $BIG" | cmp - $BIG && echo same`, 'same'),
  putty(
    'psftp: a batch',
    `printf 'cd %s\\nput %s x\\nmv x y\\nget y %s/got\\nquit\\n' $TMP $BIG $TMP >$TMP/b; psftp ${PLINK} -b $TMP/b root@$HOST >/dev/null 2>&1; cmp $BIG $TMP/got && echo same`,
    'same',
  ),
  putty(
    'pscp: up and down',
    `pscp -q ${PLINK} $BIG root@$HOST:$TMP/up && pscp -q ${PLINK} root@$HOST:$TMP/up $TMP/down && cmp $BIG $TMP/down && echo same`,
    'same',
  ),
  dropbear('dbclient: exit code', `${DBCLIENT} 'exit 7' 2>/dev/null`, '', { code: 7 }),
  dropbear(
    'dbclient: 20 MB',
    `${DBCLIENT} "cat $BIG" 2>/dev/null | cmp - $BIG && echo same`,
    'same',
  ),
  curl('sftp: down', `${CURL} sftp://root@$HOST$BIG | cmp - $BIG && echo same`, 'same'),
  curl(
    'sftp: up',
    `${CURL} -T $BIG sftp://root@$HOST$TMP/up && cmp $BIG $TMP/up && echo same`,
    'same',
  ),
  curl('scp: down', `${CURL} scp://root@$HOST$BIG | cmp - $BIG && echo same`, 'same'),
  row('python3-paramiko')(
    'exec and exit code',
    `${PYTHON} "${PARAMIKO}
i,o,e=c.exec_command('echo p; exit 4'); print(o.read().decode().strip(), o.channel.recv_exit_status())"`,
    'p 4',
  ),
  row('python3-paramiko')(
    'SFTP',
    `${PYTHON} "${PARAMIKO}
c.open_sftp().put(os.environ['BIG'],os.environ['TMP']+'/up')" && cmp $BIG $TMP/up && echo same`,
    'same',
  ),
  row('python3-asyncssh')(
    'exec and exit code',
    `${PYTHON} "${ASYNCSSH}
    r=await c.run('echo p; exit 4'); print(r.stdout.strip(), r.exit_status)
asyncio.run(main())"`,
    'p 4',
  ),
  row('python3-asyncssh')(
    'SFTP',
    `${PYTHON} "${ASYNCSSH}
    s=await c.start_sftp_client(); await s.put(os.environ['BIG'],os.environ['TMP']+'/up')
asyncio.run(main())" && cmp $BIG $TMP/up && echo same`,
    'same',
  ),
  row('ansible-core')(
    'ping and copy',
    `export HOME=$TMP ANSIBLE_HOST_KEY_CHECKING=False ANSIBLE_NOCOLOR=1 ANSIBLE_SSH_ARGS="-F $CONF"; ansible all -i target, -e ansible_python_interpreter=/usr/bin/python3 -m copy -a "src=$KEY.pub dest=$TMP/copied" -o 2>&1 | grep -o CHANGED; cmp $KEY.pub $TMP/copied && echo same`,
    'CHANGED\nsame',
  ),
  row('rsync')(
    'there and back',
    `mkdir $TMP/a && cp $BIG $TMP/a/ && rsync -a -e "ssh -F $CONF" $TMP/a/ target:$TMP/b/ && rsync -az --delete -e "ssh -F $CONF" target:$TMP/b/ $TMP/c/ && diff -r $TMP/a $TMP/c && echo same`,
    'same',
  ),
  row('git')(
    'push and clone',
    `cd $TMP; export GIT_SSH_COMMAND="ssh -F $CONF"; git init -q --bare o.git; git init -q -b main w; git -C w -c user.name=a -c user.email=a@b commit -q --allow-empty -m first; git -C w push -q target:$TMP/o.git main; git clone -q -b main target:$TMP/o.git c; git -C c log --format=%s`,
    'first',
  ),
  row('sshfs')(
    'a file written and read',
    `test -c /dev/fuse && mkdir $TMP/m && sshfs -o ssh_command="ssh -F $CONF" target:$TMP $TMP/m && cp $BIG $TMP/m/up && cmp $BIG $TMP/up && echo same; fusermount3 -u $TMP/m`,
    'same',
  ),
  row('lftp')(
    'SFTP: put and get',
    `cd $TMP; lftp -c "set sftp:connect-program 'ssh -a -x -F $CONF'; open sftp://root:@target; put -O $TMP $BIG -o up; get $TMP/up -o down" 2>/dev/null; cmp $BIG $TMP/down && echo same`,
    'same',
  ),
  row('mosh')(
    'handshake by SSH',
    `LC_ALL=C.UTF-8 ssh -F $CONF target 'LC_ALL=C.UTF-8 mosh-server new -p 60001:60999 -- true' 2>/dev/null | grep -o 'MOSH CONNECT'`,
    'MOSH CONNECT',
  ),
  row('mosh')('the session itself', '', '', {
    notApplicable: 'UDP, which the tunnel does not carry yet',
  }),
  row('libssh')('its examples', '', '', {
    notApplicable: 'Debian packages the library without them',
  }),
]
